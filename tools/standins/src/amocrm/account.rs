//! What the account holds, and the changes that go into it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    rules::{ContactDraft, ContactRef, DealDraft, NoteDraft, TagRef, ValueChanges},
    setup::{LOST, WON},
    view::{self, CrmDeal},
};
use crate::desk::Shelf;

/// Values of custom fields by the field's id.
pub(super) type Values = BTreeMap<i64, Vec<FieldValue>>;

#[derive(Debug, Clone)]
pub(super) struct FieldValue {
    pub(super) value: String,
    pub(super) enum_code: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Deal {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) price: i64,
    pub(super) pipeline_id: i64,
    pub(super) status_id: i64,
    pub(super) values: Values,
    pub(super) tags: Vec<i64>,
    pub(super) contacts: Vec<i64>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) seeded: bool,
}

#[derive(Debug)]
pub(super) struct Contact {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) values: Values,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) seeded: bool,
}

#[derive(Debug)]
pub(super) struct Note {
    pub(super) id: i64,
    pub(super) deal_id: i64,
    pub(super) text: String,
    pub(super) created_at: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) deals: BTreeMap<i64, Deal>,
    pub(super) contacts: BTreeMap<i64, Contact>,
    pub(super) notes: Vec<Note>,
    /// Names by id.
    pub(super) tags: BTreeMap<i64, String>,
    issued: i64,
}

/// Ids begin where no row number or test constant is likely to be mistaken for one.
const FIRST_ID: i64 = 40_000_001;

impl Shelf for Account {
    type Entry = CrmDeal;

    fn entries(&self) -> Vec<CrmDeal> {
        self.deals.values().map(|deal| view::deal(self, deal)).collect()
    }

    /// Ids go on where they were: one that a client remembers must not come to mean something else.
    fn clear(&mut self) {
        *self = Self {
            issued: self.issued,
            ..Self::default()
        };
    }
}

impl Account {
    /// One sequence for everything, so that an id of one kind is never right for another.
    fn next_id(&mut self) -> i64 {
        self.issued += 1;
        FIRST_ID + self.issued - 1
    }

    /// The deal's id and its contact's.
    pub(super) fn create_deal(&mut self, draft: DealDraft, seeded: bool) -> (i64, Option<i64>) {
        let contacts: Vec<i64> = draft
            .contacts
            .into_iter()
            .map(|contact| match contact {
                ContactRef::Known(id) => id,
                ContactRef::New(draft) => self.create_contact(draft, seeded),
            })
            .collect();
        let (id, now) = (self.next_id(), Timestamp::now());
        let (pipeline_id, status_id) = draft.place.unwrap_or_default();
        let contact = contacts.first().copied();
        let deal = Deal {
            id,
            name: draft.name.unwrap_or_else(|| format!("Сделка #{id}")),
            price: draft.price.unwrap_or_default(),
            pipeline_id,
            status_id,
            values: Values::new(),
            tags: self.tag_ids(draft.tags.unwrap_or_default()),
            contacts,
            created_at: now,
            updated_at: now,
            closed_at: is_closed(status_id).then_some(now),
            seeded,
        };
        let deal = self.deals.entry(id).or_insert(deal);
        change_values(&mut deal.values, draft.values);
        (id, contact)
    }

    /// `false`: there is no such deal.
    pub(super) fn change_deal(&mut self, id: i64, draft: DealDraft) -> bool {
        let tags = draft.tags.map(|tags| self.tag_ids(tags));
        let Some(deal) = self.deals.get_mut(&id) else {
            return false;
        };
        let now = Timestamp::now();
        deal.name = draft.name.unwrap_or_else(|| std::mem::take(&mut deal.name));
        deal.price = draft.price.unwrap_or(deal.price);
        if let Some(place) = draft.place {
            (deal.pipeline_id, deal.status_id) = place;
            deal.closed_at = is_closed(deal.status_id).then_some(now);
        }
        if let Some(tags) = tags {
            deal.tags = tags;
        }
        change_values(&mut deal.values, draft.values);
        deal.updated_at = now;
        true
    }

    pub(super) fn create_contact(&mut self, draft: ContactDraft, seeded: bool) -> i64 {
        let (id, now) = (self.next_id(), Timestamp::now());
        let contact = Contact {
            id,
            name: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            values: Values::new(),
            created_at: now,
            updated_at: now,
            seeded,
        };
        self.contacts.insert(id, contact);
        self.change_contact(id, draft);
        id
    }

    /// `false`: there is no such contact.
    pub(super) fn change_contact(&mut self, id: i64, draft: ContactDraft) -> bool {
        let Some(contact) = self.contacts.get_mut(&id) else {
            return false;
        };
        let parts = draft.first_name.is_some() || draft.last_name.is_some();
        if let Some(first_name) = draft.first_name {
            contact.first_name = first_name;
        }
        if let Some(last_name) = draft.last_name {
            contact.last_name = last_name;
        }
        match draft.name {
            Some(name) => contact.name = name,
            None if parts => {
                let full = format!("{} {}", contact.first_name, contact.last_name);
                full.trim().clone_into(&mut contact.name);
            }
            None => {}
        }
        change_values(&mut contact.values, draft.values);
        contact.updated_at = Timestamp::now();
        true
    }

    pub(super) fn create_note(&mut self, draft: NoteDraft) -> i64 {
        let (id, now) = (self.next_id(), Timestamp::now());
        if let Some(deal) = self.deals.get_mut(&draft.deal_id) {
            deal.updated_at = now;
        }
        self.notes.push(Note {
            id,
            deal_id: draft.deal_id,
            text: draft.text,
            created_at: now,
        });
        id
    }

    /// Deals of a contact, oldest first.
    pub(super) fn deals_of(&self, contact_id: i64) -> impl Iterator<Item = &Deal> {
        self.deals
            .values()
            .filter(move |deal| deal.contacts.contains(&contact_id))
    }

    pub(super) fn notes_of(&self, deal_id: i64) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| note.deal_id == deal_id)
    }

    pub(super) fn tag_name(&self, id: i64) -> &str {
        self.tags.get(&id).map_or("", String::as_str)
    }

    fn tag_ids(&mut self, tags: Vec<TagRef>) -> Vec<i64> {
        let mut ids = Vec::new();
        for tag in tags {
            let id = match tag {
                TagRef::Id(id) => id,
                TagRef::Name(name) => self.tag_id(name),
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// A name that is not exactly a tag's becomes a new tag: that is how near-duplicates come about.
    fn tag_id(&mut self, name: String) -> i64 {
        if let Some((id, _)) = self.tags.iter().find(|(_, known)| **known == name) {
            return *id;
        }
        let id = self.next_id();
        self.tags.insert(id, name);
        id
    }
}

fn is_closed(status_id: i64) -> bool {
    matches!(status_id, WON | LOST)
}

/// Fields that are not named stay; an empty list empties the field.
fn change_values(values: &mut Values, changes: ValueChanges) {
    for (field, new) in changes {
        if new.is_empty() {
            values.remove(&field);
        } else {
            values.insert(field, new);
        }
    }
}
