//! What amoCRM demands of a write: the shapes of deals, contacts and notes, and that what they name exists.
//!
//! Where the pages are silent the stand-in refuses, so that a misspelling shows. A request is taken whole or not
//! at all.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    account::{Account, FieldValue},
    answer::{Refusal, Wrong},
    check::{Check, at},
    setup::{CONTACT_FIELDS, DEAL_FIELDS},
};

/// The vendor takes 50 in `leads/complex` and advises 50 elsewhere.
const ITEMS_MAX: usize = 50;

/// New values by the field's id; none: the field is emptied.
pub(super) type ValueChanges = BTreeMap<i64, Vec<FieldValue>>;

#[derive(Debug)]
pub(super) enum TagRef {
    Id(i64),
    Name(String),
}

#[derive(Debug)]
pub(super) enum ContactRef {
    Known(i64),
    New(ContactDraft),
}

/// A deal to make, or what to change in one: there, what is `None` stays.
#[derive(Debug, Default)]
pub(super) struct DealDraft {
    pub(super) request_id: String,
    /// The deal to change.
    pub(super) id: i64,
    pub(super) name: Option<String>,
    pub(super) price: Option<i64>,
    /// Pipeline and status. Always there in a new deal.
    pub(super) place: Option<(i64, i64)>,
    pub(super) values: ValueChanges,
    pub(super) tags: Option<Vec<TagRef>>,
    pub(super) contacts: Vec<ContactRef>,
}

/// A contact to make, or what to change in one.
#[derive(Debug, Default)]
pub(super) struct ContactDraft {
    pub(super) request_id: String,
    /// The contact to change.
    pub(super) id: i64,
    pub(super) name: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) values: ValueChanges,
}

#[derive(Debug)]
pub(super) struct NoteDraft {
    pub(super) request_id: String,
    pub(super) deal_id: i64,
    pub(super) text: String,
}

/// What is done with deals or contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// Make them.
    Add,
    /// `leads/complex`: make deals, and their contacts with them.
    Complex,
    /// Change those named by `id`.
    Change,
    /// Change the one in the path; the body is one object.
    ChangeOne(i64),
}

impl Write {
    fn is_change(self) -> bool {
        matches!(self, Self::Change | Self::ChangeOne(_))
    }
}

/// The deals of a request.
pub(super) fn deals(account: &Account, body: &[u8], write: Write) -> Result<Vec<DealDraft>, Refusal> {
    if let Write::ChangeOne(id) = write
        && !account.deals.contains_key(&id)
    {
        return Err(Refusal::not_found());
    }
    each(account, body, write, |check, fields, request_id| {
        let known = |id: &i64| account.deals.contains_key(id);
        let id = item_id(check, fields, write, known);
        let current = account.deals.get(&id);
        let (tags, contacts) = embedded(check, fields, write);
        check.only(fields, "", DEAL_KEYS, write == Write::Change);
        check.int(fields, "", "responsible_user_id");
        DealDraft {
            request_id,
            id,
            name: check.text(fields, "", "name"),
            price: check.int(fields, "", "price"),
            place: check.place(fields, current.map(|deal| (deal.pipeline_id, deal.status_id))),
            values: check.values(fields, "", &DEAL_FIELDS),
            tags,
            contacts,
        }
    })
}

/// The contacts of a request.
pub(super) fn contacts(account: &Account, body: &[u8], write: Write) -> Result<Vec<ContactDraft>, Refusal> {
    if let Write::ChangeOne(id) = write
        && !account.contacts.contains_key(&id)
    {
        return Err(Refusal::not_found());
    }
    each(account, body, write, |check, fields, request_id| {
        let known = |id: &i64| account.contacts.contains_key(id);
        let id = item_id(check, fields, write, known);
        check.only(fields, "", CONTACT_KEYS, write == Write::Change);
        contact(check, fields, "", id, request_id)
    })
}

/// The notes of a request: all on one deal when the path names it, otherwise each with its `entity_id`.
pub(super) fn notes(account: &Account, body: &[u8], deal: Option<i64>) -> Result<Vec<NoteDraft>, Refusal> {
    if deal.is_some_and(|id| !account.deals.contains_key(&id)) {
        return Err(Refusal::not_found());
    }
    each(account, body, Write::Add, |check, fields, request_id| {
        check.only(fields, "", NOTE_KEYS, false);
        let entity_id = check.int(fields, "", "entity_id");
        if deal.is_none() || entity_id.is_some() {
            check.chosen(fields, "", "entity_id", entity_id, |id| {
                account.deals.contains_key(id) && deal.is_none_or(|deal| deal == *id)
            });
        }
        // The other types (calls, SMS, geolocation) have parameters of their own; nobody here writes them.
        let note_type = check.text(fields, "", "note_type");
        check.chosen(fields, "", "note_type", note_type, |kind| kind == "common");
        let params = check.object(fields, "", "params");
        let text = params.and_then(|params| {
            check.only(params, "params", &["text"], false);
            check.text(params, "params", "text")
        });
        if text.is_none() {
            check.missing("params.text");
        }
        NoteDraft {
            request_id,
            deal_id: deal.or(entity_id).unwrap_or_default(),
            text: text.unwrap_or_default(),
        }
    })
}

const DEAL_KEYS: &[&str] = &[
    "request_id",
    "name",
    "price",
    "pipeline_id",
    "status_id",
    "responsible_user_id",
    "custom_fields_values",
    "_embedded",
];
const CONTACT_KEYS: &[&str] = &[
    "request_id",
    "name",
    "first_name",
    "last_name",
    "responsible_user_id",
    "custom_fields_values",
];
const NOTE_KEYS: &[&str] = &[
    "request_id",
    "entity_id",
    "note_type",
    "params",
    "responsible_user_id",
];

/// Reads every item of the body; one wrong item refuses them all.
fn each<T>(
    account: &Account,
    body: &[u8],
    write: Write,
    mut read: impl FnMut(&mut Check, &Map<String, Value>, String) -> T,
) -> Result<Vec<T>, Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::bad_request("The request body is not valid JSON"))?;
    let items = match (body, write) {
        (Value::Array(items), Write::Add | Write::Complex | Write::Change) => items,
        (item @ Value::Object(_), Write::ChangeOne(_)) => vec![item],
        (_, Write::ChangeOne(_)) => return Err(Refusal::bad_request("The request body must be an object")),
        _ => return Err(Refusal::bad_request("The request body must be an array")),
    };
    if !(1..=ITEMS_MAX).contains(&items.len()) {
        let detail = format!("The request body must hold 1 to {ITEMS_MAX} items");
        return Err(Refusal::bad_request(detail));
    }
    let (mut drafts, mut refused) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let mut check = Check::new(account);
        let mut request_id = index.to_string();
        match item {
            Value::Object(fields) => {
                if let Some(own) = check.text(fields, "", "request_id") {
                    request_id = own;
                }
                drafts.push(read(&mut check, fields, request_id.clone()));
            }
            _ => check.wrong_type("", "object"),
        }
        let wrong: Vec<Wrong> = check.into_wrong();
        if !wrong.is_empty() {
            refused.push((request_id, wrong));
        }
    }
    if refused.is_empty() {
        Ok(drafts)
    } else {
        Err(Refusal::validation(refused))
    }
}

/// The id of what is to be changed; 0 for something new.
fn item_id(
    check: &mut Check,
    fields: &Map<String, Value>,
    write: Write,
    known: impl Fn(&i64) -> bool,
) -> i64 {
    match write {
        Write::Add | Write::Complex => 0,
        Write::ChangeOne(id) => id,
        Write::Change => {
            let id = check.int(fields, "", "id");
            check.chosen(fields, "", "id", id, known);
            id.unwrap_or_default()
        }
    }
}

fn contact(
    check: &mut Check,
    fields: &Map<String, Value>,
    path: &str,
    id: i64,
    request_id: String,
) -> ContactDraft {
    check.int(fields, path, "responsible_user_id");
    ContactDraft {
        request_id,
        id,
        name: check.text(fields, path, "name"),
        first_name: check.text(fields, path, "first_name"),
        last_name: check.text(fields, path, "last_name"),
        values: check.values(fields, path, &CONTACT_FIELDS),
    }
}

/// `_embedded`. `metadata`, which would send the deal to Unsorted, is refused with every other key.
fn embedded(
    check: &mut Check,
    fields: &Map<String, Value>,
    write: Write,
) -> (Option<Vec<TagRef>>, Vec<ContactRef>) {
    let Some(embedded) = check.object(fields, "", "_embedded") else {
        return (None, Vec::new());
    };
    let keys: &[&str] = if write.is_change() {
        &["tags"]
    } else {
        &["tags", "contacts"]
    };
    check.only(embedded, "_embedded", keys, false);
    let tags = if write.is_change() && embedded.get("tags").is_some_and(Value::is_null) {
        Some(Vec::new())
    } else {
        tags(check, embedded)
    };
    (tags, linked_contacts(check, embedded, write))
}

fn tags(check: &mut Check, embedded: &Map<String, Value>) -> Option<Vec<TagRef>> {
    let items = check.objects(embedded, "_embedded", "tags")?;
    let mut tags = Vec::new();
    for (path, item) in items {
        check.only(item, &path, &["name"], true);
        let (id, name) = (check.int(item, &path, "id"), check.text(item, &path, "name"));
        match (id, name) {
            (Some(id), _) => {
                let account = check.account;
                check.chosen(item, &path, "id", Some(id), |id| account.tags.contains_key(id));
                tags.push(TagRef::Id(id));
            }
            (None, Some(name)) => tags.push(TagRef::Name(name)),
            (None, None) => check.missing(&at(&path, "name")),
        }
    }
    Some(tags)
}

/// `leads/complex` takes one, known or new; `leads` takes known ones.
fn linked_contacts(check: &mut Check, embedded: &Map<String, Value>, write: Write) -> Vec<ContactRef> {
    let items = check
        .objects(embedded, "_embedded", "contacts")
        .unwrap_or_default();
    if write == Write::Complex && items.len() > 1 {
        check.too_many("_embedded.contacts", 1);
    }
    let mut contacts = Vec::new();
    for (path, item) in items {
        if write == Write::Complex && !item.contains_key("id") {
            check.only(item, &path, CONTACT_KEYS, false);
            let new = contact(check, item, &path, 0, String::new());
            contacts.push(ContactRef::New(new));
            continue;
        }
        check.only(item, &path, &["is_main"], true);
        let (id, account) = (check.int(item, &path, "id"), check.account);
        check.chosen(item, &path, "id", id, |id| account.contacts.contains_key(id));
        contacts.extend(id.map(ContactRef::Known));
    }
    contacts
}
