//! The account for tests and for the console: not as the vendor shows it, but whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    account::{Account, Contact, Deal, Note, Values},
    setup::{DEAL_FIELDS, EMAIL, MAIN_PIPELINE, MARKER, PHONE, PIPELINES, pipeline, status_name},
};

/// A deal with everything that hangs on it.
#[derive(Debug, Clone, Serialize)]
pub struct CrmDeal {
    /// Id.
    pub id: i64,
    /// Title.
    pub name: String,
    /// Budget.
    pub price: i64,
    /// Pipeline.
    pub pipeline_id: i64,
    /// The pipeline's name.
    pub pipeline: &'static str,
    /// Stage; 142 is won, 143 lost.
    pub status_id: i64,
    /// The stage's name.
    pub status: &'static str,
    /// Values of custom fields by their codes, such as `UTM_SOURCE`.
    pub fields: BTreeMap<&'static str, String>,
    /// Names of tags.
    pub tags: Vec<String>,
    /// People, the main one first.
    pub contacts: Vec<CrmContact>,
    /// Notes, oldest first.
    pub notes: Vec<CrmNote>,
    /// Whether it was there before us.
    pub seeded: bool,
    /// When it was made.
    #[serde(serialize_with = "crate::rfc3339_millis")]
    pub created_at: Timestamp,
    /// When it, or a note on it, was last written.
    #[serde(serialize_with = "crate::rfc3339_millis")]
    pub updated_at: Timestamp,
}

/// A person.
#[derive(Debug, Clone, Serialize)]
pub struct CrmContact {
    /// Id.
    pub id: i64,
    /// Name as shown.
    pub name: String,
    /// Phones as they were written.
    pub phones: Vec<String>,
    /// Addresses.
    pub emails: Vec<String>,
    /// Ids of the deals, oldest first.
    pub deals: Vec<i64>,
    /// Whether it was there before us.
    pub seeded: bool,
}

/// A note on a deal.
#[derive(Debug, Clone, Serialize)]
pub struct CrmNote {
    /// Id.
    pub id: i64,
    /// The deal it is on.
    pub deal_id: i64,
    /// Text.
    pub text: String,
    /// When it was written.
    #[serde(serialize_with = "crate::rfc3339_millis")]
    pub created_at: Timestamp,
}

/// A column of the board: a stage and what stands in it.
#[derive(Debug, Clone, Serialize)]
pub struct BoardStage {
    /// The stage's name, unique on the board.
    pub name: String,
    /// Deals, last written first.
    pub deals: Vec<BoardDeal>,
}

/// A card of the board.
#[derive(Debug, Clone, Serialize)]
pub struct BoardDeal {
    /// The deal's name.
    pub title: String,
    /// The main contact's name; empty when there is none.
    pub contact: String,
    /// Our lead's id, from the marker field.
    pub lead: Option<String>,
    /// When it was last written.
    #[serde(serialize_with = "crate::rfc3339_millis")]
    pub updated_at: Timestamp,
}

fn texts(values: &Values, field: i64) -> Vec<String> {
    let values = values.get(&field).into_iter().flatten();
    values.map(|value| value.value.clone()).collect()
}

/// A custom field that holds one text.
fn field_text(deal: &Deal, code: &str) -> Option<String> {
    let field = DEAL_FIELDS.iter().find(|field| field.code == code)?;
    texts(&deal.values, field.id).into_iter().next()
}

pub(super) fn deal(account: &Account, deal: &Deal) -> CrmDeal {
    let fields = DEAL_FIELDS
        .iter()
        .filter_map(|field| Some((field.code, field_text(deal, field.code)?)));
    let contacts = deal.contacts.iter().filter_map(|id| account.contacts.get(id));
    CrmDeal {
        id: deal.id,
        name: deal.name.clone(),
        price: deal.price,
        pipeline_id: deal.pipeline_id,
        pipeline: pipeline(deal.pipeline_id).map_or("", |pipeline| pipeline.name),
        status_id: deal.status_id,
        status: status_name(deal.pipeline_id, deal.status_id),
        fields: fields.collect(),
        tags: deal
            .tags
            .iter()
            .map(|id| account.tag_name(*id).to_owned())
            .collect(),
        contacts: contacts.map(|person| contact(account, person)).collect(),
        notes: account.notes_of(deal.id).map(note).collect(),
        seeded: deal.seeded,
        created_at: deal.created_at,
        updated_at: deal.updated_at,
    }
}

pub(super) fn contact(account: &Account, contact: &Contact) -> CrmContact {
    CrmContact {
        id: contact.id,
        name: contact.name.clone(),
        phones: texts(&contact.values, PHONE),
        emails: texts(&contact.values, EMAIL),
        deals: account.deals_of(contact.id).map(|deal| deal.id).collect(),
        seeded: contact.seeded,
    }
}

pub(super) fn note(note: &Note) -> CrmNote {
    CrmNote {
        id: note.id,
        deal_id: note.deal_id,
        text: note.text.clone(),
        created_at: note.created_at,
    }
}

/// All stages of the main pipeline, then those of the others in which there is something.
pub(super) fn board(account: &Account) -> Vec<BoardStage> {
    let mut stages = Vec::new();
    for pipeline in &PIPELINES {
        for status in pipeline.statuses {
            let mut deals: Vec<&Deal> = account
                .deals
                .values()
                .filter(|deal| (deal.pipeline_id, deal.status_id) == (pipeline.id, status.id))
                .collect();
            deals.sort_by_key(|deal| std::cmp::Reverse(deal.updated_at));
            let deals: Vec<BoardDeal> = deals.into_iter().map(|deal| card(account, deal)).collect();
            if pipeline.id == MAIN_PIPELINE {
                stages.push(BoardStage {
                    name: status.name.to_owned(),
                    deals,
                });
            } else if !deals.is_empty() {
                stages.push(BoardStage {
                    name: format!("{}: {}", pipeline.name, status.name),
                    deals,
                });
            }
        }
    }
    stages
}

fn card(account: &Account, deal: &Deal) -> BoardDeal {
    let main = deal.contacts.first().and_then(|id| account.contacts.get(id));
    BoardDeal {
        title: deal.name.clone(),
        contact: main.map_or_else(String::new, |contact| contact.name.clone()),
        lead: field_text(deal, MARKER),
        updated_at: deal.updated_at,
    }
}
