//! The account for tests and the console: not as the vendor shows it, but whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    account::{Account, Contact, Deal, Values},
    setup::{DEAL_FIELDS, EMAIL, MAIN_PIPELINE, MARKER, PHONE, USERS, pipeline},
};

#[derive(Debug, Clone)]
pub struct CrmDeal {
    pub id: i64,
    pub name: String,
    pub pipeline_id: i64,
    /// Stage; 142 is won, 143 lost.
    pub status_id: i64,
    /// Values of custom fields by their codes, such as `UTM_SOURCE`.
    pub fields: BTreeMap<&'static str, String>,
    pub tags: Vec<String>,
    /// The user whose deal it is.
    pub responsible: i64,
    pub contacts: Vec<CrmContact>,
    pub notes: Vec<CrmNote>,
    pub tasks: Vec<CrmTask>,
    pub seeded: bool,
}

#[derive(Debug, Clone)]
pub struct CrmContact {
    pub id: i64,
    pub name: String,
    pub phones: Vec<String>,
    pub emails: Vec<String>,
    pub deals: Vec<i64>,
}

#[derive(Debug, Clone)]
pub struct CrmNote {
    pub deal_id: i64,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct CrmTask {
    pub id: i64,
    pub deal_id: i64,
    pub text: String,
    /// The deadline, in seconds since 1970.
    pub complete_till: i64,
    /// The user whose task it is.
    pub responsible: i64,
    pub is_completed: bool,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
pub struct BoardStage {
    pub name: &'static str,
    pub deals: Vec<BoardDeal>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BoardDeal {
    pub title: String,
    /// The contact's name; empty when there is none.
    pub contact: String,
    pub lead: Option<String>,
    pub tags: Vec<String>,
    /// Oldest first.
    pub notes: Vec<String>,
    /// Those that are open, the first to be done first.
    pub tasks: Vec<BoardTask>,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
pub struct BoardTask {
    pub text: String,
    pub until: Timestamp,
    /// The name of the user whose task it is.
    pub user: &'static str,
}

fn texts(values: &Values, field: i64) -> Vec<String> {
    values.get(&field).cloned().unwrap_or_default()
}

fn field_text(deal: &Deal, code: &str) -> Option<String> {
    let field = DEAL_FIELDS.iter().find(|field| field.code == code)?;
    texts(&deal.values, field.id).into_iter().next()
}

pub(super) fn deal(account: &Account, deal: &Deal) -> CrmDeal {
    let fields = DEAL_FIELDS
        .iter()
        .filter_map(|field| Some((field.code, field_text(deal, field.code)?)));
    let contacts = deal.contact.iter().filter_map(|id| account.contacts.get(id));
    CrmDeal {
        id: deal.id,
        name: deal.name.clone(),
        pipeline_id: deal.pipeline_id,
        status_id: deal.status_id,
        fields: fields.collect(),
        tags: deal.tags.clone(),
        responsible: deal.responsible,
        contacts: contacts.map(|one| contact(account, one)).collect(),
        notes: account.notes_of(deal.id).cloned().collect(),
        tasks: account.tasks_of(deal.id).cloned().collect(),
        seeded: deal.seeded,
    }
}

pub(super) fn contact(account: &Account, contact: &Contact) -> CrmContact {
    CrmContact {
        id: contact.id,
        name: contact.name.clone(),
        phones: texts(&contact.values, PHONE),
        emails: texts(&contact.values, EMAIL),
        deals: account.deals_of(contact.id).map(|deal| deal.id).collect(),
    }
}

pub(super) fn board(account: &Account) -> Vec<BoardStage> {
    let statuses = pipeline(MAIN_PIPELINE).map_or(&[][..], |pipeline| pipeline.statuses);
    let stage = |(id, name)| {
        let deals = account.deals.values();
        let mut deals: Vec<&Deal> = deals
            .filter(|deal| (deal.pipeline_id, deal.status_id) == (MAIN_PIPELINE, id))
            .collect();
        deals.sort_by_key(|deal| std::cmp::Reverse(deal.updated_at));
        let deals = deals.into_iter().map(|deal| card(account, deal)).collect();
        BoardStage { name, deals }
    };
    let stages = statuses.iter().map(|status| (status.id, status.name));
    stages.map(stage).collect()
}

fn card(account: &Account, deal: &Deal) -> BoardDeal {
    let contact = deal.contact.and_then(|id| account.contacts.get(&id));
    BoardDeal {
        title: deal.name.clone(),
        contact: contact.map_or_else(String::new, |contact| contact.name.clone()),
        lead: field_text(deal, MARKER),
        tags: deal.tags.clone(),
        notes: account.notes_of(deal.id).map(|note| note.text.clone()).collect(),
        tasks: open_tasks(account, deal.id),
        updated_at: deal.updated_at,
    }
}

fn open_tasks(account: &Account, deal: i64) -> Vec<BoardTask> {
    let mut open: Vec<&CrmTask> = account.tasks_of(deal).filter(|task| !task.is_completed).collect();
    open.sort_by_key(|task| task.complete_till);
    let user = |id| {
        USERS
            .iter()
            .find(|(user, _)| *user == id)
            .map_or("", |(_, name)| *name)
    };
    open.into_iter()
        .map(|task| BoardTask {
            text: task.text.clone(),
            until: Timestamp::from_second(task.complete_till).unwrap_or_default(),
            user: user(task.responsible),
        })
        .collect()
}
