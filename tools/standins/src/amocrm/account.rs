//! What the account holds, and the changes that go into it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    setup::OWNER,
    view::{CrmNote, CrmTask},
};

/// Values of custom fields by the field's id.
pub(super) type Values = BTreeMap<i64, Vec<String>>;

#[derive(Debug)]
pub(super) struct Deal {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) pipeline_id: i64,
    pub(super) status_id: i64,
    pub(super) values: Values,
    pub(super) tags: Vec<String>,
    /// The user whose deal it is.
    pub(super) responsible: i64,
    pub(super) contact: Option<i64>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) seeded: bool,
}

#[derive(Debug)]
pub(super) struct Contact {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) values: Values,
    pub(super) created_at: Timestamp,
    pub(super) seeded: bool,
}

/// A deal to make, or what to change in one: there, what is `None` stays.
#[derive(Debug, Default)]
pub(super) struct DealDraft {
    pub(super) name: Option<String>,
    /// Pipeline and status. Always there in a new deal.
    pub(super) place: Option<(i64, i64)>,
    pub(super) values: Values,
    /// In a change: those to add.
    pub(super) tags: Vec<String>,
    /// `None` in a new deal: the token's user.
    pub(super) responsible: Option<i64>,
    pub(super) contact: Option<ContactRef>,
}

#[derive(Debug)]
pub(super) enum ContactRef {
    Known(i64),
    New(ContactDraft),
}

#[derive(Debug)]
pub(super) struct ContactDraft {
    pub(super) name: String,
    pub(super) values: Values,
}

#[derive(Debug)]
pub(super) struct TaskDraft {
    pub(super) deal_id: i64,
    pub(super) text: String,
    /// Seconds since 1970.
    pub(super) complete_till: i64,
    /// `None`: the token's user.
    pub(super) responsible: Option<i64>,
    /// Comes back in the answer, and is not kept.
    pub(super) request_id: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) deals: BTreeMap<i64, Deal>,
    pub(super) contacts: BTreeMap<i64, Contact>,
    pub(super) notes: Vec<CrmNote>,
    /// Oldest first.
    pub(super) tasks: Vec<CrmTask>,
    issued: i64,
}

/// Ids begin where no row number or test constant is likely to be mistaken for one.
const FIRST_ID: i64 = 40_000_001;

impl Account {
    /// One sequence for everything, so that an id of one kind is never right for another.
    fn next_id(&mut self) -> i64 {
        self.issued += 1;
        FIRST_ID + self.issued - 1
    }

    pub(super) fn create_deal(&mut self, draft: DealDraft, seeded: bool) -> (i64, Option<i64>) {
        let contact = draft.contact.map(|contact| match contact {
            ContactRef::Known(id) => id,
            ContactRef::New(draft) => self.create_contact(draft, seeded),
        });
        let (id, now) = (self.next_id(), Timestamp::now());
        let (pipeline_id, status_id) = draft.place.unwrap_or_default();
        let deal = Deal {
            id,
            name: draft.name.unwrap_or_else(|| format!("Сделка #{id}")),
            pipeline_id,
            status_id,
            values: draft.values,
            tags: draft.tags,
            responsible: draft.responsible.unwrap_or(OWNER),
            contact,
            created_at: now,
            updated_at: now,
            seeded,
        };
        self.deals.insert(id, deal);
        (id, contact)
    }

    pub(super) fn create_contact(&mut self, draft: ContactDraft, seeded: bool) -> i64 {
        let id = self.next_id();
        let contact = Contact {
            id,
            name: draft.name,
            values: draft.values,
            created_at: Timestamp::now(),
            seeded,
        };
        self.contacts.insert(id, contact);
        id
    }

    pub(super) fn add_note(&mut self, note: CrmNote) -> i64 {
        if let Some(deal) = self.deals.get_mut(&note.deal_id) {
            deal.updated_at = Timestamp::now();
        }
        self.notes.push(note);
        self.next_id()
    }

    pub(super) fn add_task(&mut self, draft: TaskDraft) -> i64 {
        let id = self.next_id();
        self.tasks.push(CrmTask {
            id,
            deal_id: draft.deal_id,
            text: draft.text,
            complete_till: draft.complete_till,
            responsible: draft.responsible.unwrap_or(OWNER),
            is_completed: false,
            created_at: Timestamp::now(),
        });
        id
    }

    pub(super) fn deals_of(&self, contact_id: i64) -> impl Iterator<Item = &Deal> {
        let deals = self.deals.values();
        deals.filter(move |deal| deal.contact == Some(contact_id))
    }

    pub(super) fn notes_of(&self, deal_id: i64) -> impl Iterator<Item = &CrmNote> {
        self.notes.iter().filter(move |note| note.deal_id == deal_id)
    }

    pub(super) fn tasks_of(&self, deal_id: i64) -> impl Iterator<Item = &CrmTask> {
        self.tasks.iter().filter(move |task| task.deal_id == deal_id)
    }
}

impl Deal {
    /// Fields that are not named stay.
    pub(super) fn change(&mut self, draft: DealDraft) {
        if let Some(place) = draft.place {
            (self.pipeline_id, self.status_id) = place;
        }
        self.values.extend(draft.values);
        for tag in draft.tags {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        self.updated_at = Timestamp::now();
    }
}
