//! What the account held before us: people, and deals closed, foreign or further along.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    account::{Account, FieldValue},
    rules::{ContactDraft, ContactRef, DealDraft, TagRef},
    setup::{DEAL_FIELDS, EMAIL, PHONE, PIPELINES},
};

/// People to put into the account. In JSON: `{"contacts":[{"name":"Анна","phones":["+77011234567"]}]}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The people.
    pub contacts: Vec<SeedContact>,
}

/// A person. Two of them may have the same phone, as happens in real accounts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedContact {
    /// Name.
    pub name: String,
    /// Phones, in any spelling; stored as they are.
    #[serde(default)]
    pub phones: Vec<String>,
    /// Addresses.
    #[serde(default)]
    pub emails: Vec<String>,
    /// Deals, oldest first.
    #[serde(default)]
    pub deals: Vec<SeedDeal>,
}

/// A deal of the person.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedDeal {
    /// Title.
    pub name: String,
    /// The pipeline, by name or id; omitted: the main one.
    #[serde(default)]
    pub pipeline: Option<NameOrId>,
    /// The stage, by name or id; omitted: the pipeline's first.
    #[serde(default)]
    pub status: Option<NameOrId>,
    /// Values of custom fields by their codes, such as `UTM_SOURCE` and `PROFTEST_LEAD_ID`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Names of tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A pipeline or a stage, as people call it or as the API does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum NameOrId {
    /// Id.
    Id(i64),
    /// Name, in the account's own spelling.
    Name(String),
}

impl NameOrId {
    fn is(&self, id: i64, name: &str) -> bool {
        match self {
            Self::Id(own) => *own == id,
            Self::Name(own) => own == name,
        }
    }
}

impl From<i64> for NameOrId {
    fn from(id: i64) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for NameOrId {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// What a [`Seed`] became, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seeded {
    /// The people.
    pub contacts: Vec<SeededContact>,
}

/// Ids of a person and of the deals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeededContact {
    /// The contact's id.
    pub id: i64,
    /// The deals' ids.
    pub deals: Vec<i64>,
}

/// Puts everything in, or nothing when something is wrong; then the sentence says what.
pub(super) fn plant(account: &mut Account, seed: Seed) -> Result<Seeded, String> {
    let mut drafts = Vec::new();
    for contact in seed.contacts {
        let deals: Vec<DealDraft> = contact.deals.into_iter().map(deal).collect::<Result<_, _>>()?;
        let values = [(PHONE, contact.phones), (EMAIL, contact.emails)];
        let person = ContactDraft {
            name: Some(contact.name),
            values: values
                .into_iter()
                .map(|(field, list)| (field, list.into_iter().map(work).collect()))
                .collect(),
            ..ContactDraft::default()
        };
        drafts.push((person, deals));
    }
    let contacts = drafts
        .into_iter()
        .map(|(person, deals)| {
            let id = account.create_contact(person, true);
            let deals = deals.into_iter().map(|mut deal| {
                deal.contacts = vec![ContactRef::Known(id)];
                account.create_deal(deal, true).0
            });
            let deals = deals.collect();
            SeededContact { id, deals }
        })
        .collect();
    Ok(Seeded { contacts })
}

fn work(value: String) -> FieldValue {
    FieldValue {
        value,
        enum_code: Some("WORK"),
    }
}

fn deal(seed: SeedDeal) -> Result<DealDraft, String> {
    let pipeline = match &seed.pipeline {
        Some(wanted) => PIPELINES
            .iter()
            .find(|pipeline| wanted.is(pipeline.id, pipeline.name)),
        None => PIPELINES.first(),
    };
    let pipeline = pipeline.ok_or_else(|| format!("no pipeline is {:?}", seed.pipeline))?;
    let status = match &seed.status {
        Some(wanted) => pipeline
            .statuses
            .iter()
            .find(|status| wanted.is(status.id, status.name)),
        None => pipeline.statuses.first(),
    };
    let status = status.ok_or_else(|| format!("no stage of «{}» is {:?}", pipeline.name, seed.status))?;
    let values = seed
        .fields
        .into_iter()
        .map(|(code, value)| {
            let field = DEAL_FIELDS.iter().find(|field| field.code == code);
            let field = field.ok_or_else(|| format!("no field of a deal has the code {code}"))?;
            let value = FieldValue {
                value,
                enum_code: None,
            };
            Ok((field.id, vec![value]))
        })
        .collect::<Result<_, String>>()?;
    Ok(DealDraft {
        name: Some(seed.name),
        place: Some((pipeline.id, status.id)),
        values,
        tags: Some(seed.tags.into_iter().map(TagRef::Name).collect()),
        ..DealDraft::default()
    })
}
