//! Tasks on deals. Contract: the vendor's page «Tasks», and the SDK's `TaskModel` and `TasksFilter`.

use super::{AmoCrm, wire};
use crate::domain::ids::{DealId, LeadId, UserId};
use crate::failpoint::Step;
use crate::failure::{Failure, Reaction};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// A call, as the vendor's task types have it. The other type of every account is a meeting.
const CALL: u8 = 1;
/// Tasks of a page: the vendor's maximum.
const PAGE: &str = "250";

#[derive(Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Comes back in the answer.
    pub lead: LeadId,
    pub deal: DealId,
    pub text: String,
    /// The deadline, since 1970.
    pub until: Duration,
    /// `None`: amoCRM takes the user of the token.
    pub user: Option<UserId>,
}

/// A task as it stands.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Task {
    #[serde(rename = "entity_id")]
    pub deal: DealId,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub is_completed: bool,
    /// In seconds, since 1970.
    #[serde(default)]
    pub created_at: u64,
}

impl AmoCrm {
    /// Makes tasks, all or none.
    pub async fn add_tasks(&self, token: &SecretString, tasks: &[NewTask]) -> Result<(), Failure> {
        let body: Vec<Value> = tasks.iter().map(new_task).collect();
        let answer = self
            .send(Step::AmocrmAddTasks, Method::POST, token, "tasks", &json!(body))
            .await?;
        if wire::made(&answer.body, "tasks") < tasks.len() {
            let reason = "amocrm made a task without an id";
            return Err(Failure::new(Reaction::Unknown, reason));
        }
        Ok(())
    }

    /// The newest 250 tasks of these deals, open and done.
    pub async fn tasks(&self, token: &SecretString, deals: &[DealId]) -> Result<Vec<Task>, Failure> {
        let ids: Vec<String> = deals.iter().map(ToString::to_string).collect();
        let mut query = vec![
            // Without it the ids are not looked at.
            ("filter[entity_type]", "leads"),
            ("order[id]", "desc"),
            ("limit", PAGE),
        ];
        query.extend(ids.iter().map(|id| ("filter[entity_id][]", id.as_str())));
        let page: Option<wire::Tasks> = self.look(Step::AmocrmTasks, token, "tasks", &query).await?;
        Ok(page.unwrap_or_default().embedded.tasks)
    }
}

fn new_task(task: &NewTask) -> Value {
    let mut json = json!({
        "task_type_id": CALL,
        "text": task.text,
        "complete_till": task.until.as_secs(),
        "entity_id": task.deal,
        "entity_type": "leads",
        "request_id": task.lead,
    });
    if let Some(user) = task.user {
        json["responsible_user_id"] = json!(user);
    }
    json
}
