//! The account for tests and the console: not as the vendor shows it, but whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    account::{Account, Contact, Deal, Values},
    setup::{DEAL_FIELDS, EMAIL, MAIN_PIPELINE, MARKER, PHONE, pipeline},
};

#[derive(Debug, Clone, Serialize)]
pub struct CrmDeal {
    pub id: i64,
    pub name: String,
    pub pipeline_id: i64,
    /// Stage; 142 is won, 143 lost.
    pub status_id: i64,
    /// Values of custom fields by their codes, such as `UTM_SOURCE`.
    pub fields: BTreeMap<&'static str, String>,
    pub tags: Vec<String>,
    pub contacts: Vec<CrmContact>,
    pub notes: Vec<CrmNote>,
    pub seeded: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct CrmContact {
    pub id: i64,
    pub name: String,
    pub phones: Vec<String>,
    pub emails: Vec<String>,
    pub deals: Vec<i64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct CrmNote {
    pub deal_id: i64,
    pub text: String,
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
    #[serde(serialize_with = "crate::rfc3339_millis")]
    pub updated_at: Timestamp,
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
        contacts: contacts.map(|one| contact(account, one)).collect(),
        notes: account.notes_of(deal.id).cloned().collect(),
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
        updated_at: deal.updated_at,
    }
}
