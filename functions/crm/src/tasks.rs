//! The task for the salesperson: whose it is, and until when.

use crate::deal::Standing;
use proftest::clients::amocrm::NewTask;
use proftest::config;
use proftest::domain::ids::{LeadId, UserId};
use proftest::store::CrmWork;
use proftest::texts::CrmTexts;
use std::time::Duration;

#[derive(Clone)]
pub struct Tasks {
    text: String,
    settings: config::CrmTasks,
}

impl Tasks {
    pub fn new(settings: &config::CrmTasks, texts: &CrmTexts) -> Self {
        Self {
            text: settings.text.clone().unwrap_or_else(|| texts.task.to_owned()),
            settings: settings.clone(),
        }
    }

    /// The user who gets a new deal: the same at every attempt. Ids of leads are random, so each user gets as many.
    pub fn user_of(&self, lead: LeadId) -> Option<UserId> {
        let users = &self.settings.users;
        let count = u128::try_from(users.len()).ok().filter(|count| *count > 0)?;
        let place = lead.as_uuid().as_u128() % count;
        usize::try_from(place)
            .ok()
            .and_then(|place| users.get(place).copied())
    }

    /// `now` counts from 1970.
    pub fn new_task(&self, work: &CrmWork, deal: &Standing, now: Duration) -> NewTask {
        NewTask {
            lead: work.lead,
            deal: deal.id,
            text: self.text.clone(),
            until: self.settings.hours.deadline(now, self.settings.within),
            user: deal.user,
        }
    }
}
