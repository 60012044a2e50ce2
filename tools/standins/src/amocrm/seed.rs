//! What the account held before us: people, and deals closed, foreign or further along.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    account::{Account, ContactDraft, ContactRef, DealDraft},
    setup::{DEAL_FIELDS, EMAIL, MAIN_PIPELINE, PHONE, is_user, pipeline},
};

/// People to put into the account. In JSON: `{"contacts":[{"name":"Анна","phones":["+77011234567"]}]}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    pub contacts: Vec<SeedContact>,
}

/// A person. Two of them may have the same phone, as happens in real accounts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedContact {
    pub name: String,
    /// Phones, in any spelling; stored as they are.
    #[serde(default)]
    pub phones: Vec<String>,
    #[serde(default)]
    pub emails: Vec<String>,
    #[serde(default)]
    pub deals: Vec<SeedDeal>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedDeal {
    pub name: String,
    #[serde(default)]
    pub pipeline: Option<i64>,
    /// The stage; omitted: the pipeline's first.
    #[serde(default)]
    pub status: Option<i64>,
    /// Values of custom fields by their codes, such as `UTM_SOURCE` and `PROFTEST_LEAD_ID`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whose deal it is; omitted: the token's user.
    #[serde(default)]
    pub responsible: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Seeded {
    pub contacts: Vec<SeededContact>,
}

#[derive(Debug, Clone)]
pub struct SeededContact {
    pub id: i64,
    pub deals: Vec<i64>,
}

/// Puts everything in, or nothing when something is wrong; then the sentence says what.
pub(super) fn put_in(account: &mut Account, seed: Seed) -> Result<Seeded, String> {
    let mut drafts = Vec::new();
    for contact in seed.contacts {
        let deals: Vec<DealDraft> = contact.deals.into_iter().map(deal).collect::<Result<_, _>>()?;
        let values = [(PHONE, contact.phones), (EMAIL, contact.emails)].into_iter();
        let draft = ContactDraft {
            name: contact.name,
            values: values.filter(|(_, list)| !list.is_empty()).collect(),
        };
        drafts.push((draft, deals));
    }
    let contacts = drafts.into_iter().map(|(contact, deals)| {
        let id = account.create_contact(contact, true);
        let deals = deals.into_iter().map(|mut deal| {
            deal.contact = Some(ContactRef::Known(id));
            account.create_deal(deal, true).0
        });
        let deals = deals.collect();
        SeededContact { id, deals }
    });
    Ok(Seeded {
        contacts: contacts.collect(),
    })
}

fn deal(seed: SeedDeal) -> Result<DealDraft, String> {
    let pipeline = pipeline(seed.pipeline.unwrap_or(MAIN_PIPELINE));
    let pipeline = pipeline.ok_or_else(|| format!("no pipeline is {:?}", seed.pipeline))?;
    let mut statuses = pipeline.statuses.iter();
    let status = statuses.find(|status| seed.status.is_none_or(|id| status.id == id));
    let status = status.ok_or_else(|| format!("no stage of «{}» is {:?}", pipeline.name, seed.status))?;
    if let Some(user) = seed.responsible.filter(|user| !is_user(*user)) {
        return Err(format!("no user is {user}"));
    }
    let values = seed.fields.into_iter().map(|(code, value)| {
        let field = DEAL_FIELDS.iter().find(|field| field.code == code);
        let field = field.ok_or_else(|| format!("no field of a deal has the code {code}"))?;
        Ok((field.id, vec![value]))
    });
    Ok(DealDraft {
        name: Some(seed.name),
        place: Some((pipeline.id, status.id)),
        values: values.collect::<Result<_, String>>()?,
        tags: seed.tags,
        responsible: seed.responsible,
        ..DealDraft::default()
    })
}
