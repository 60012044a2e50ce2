//! What amoCRM demands of a write: the shapes of deals, contacts, notes and tasks, and that what they name exists. A request
//! is taken whole or not at all.

use serde_json::{Map, Value};

use super::{
    account::{Account, ContactDraft, ContactRef, DealDraft, TaskDraft},
    answer::Refusal,
    check::{Check, at},
    setup::{CONTACT_FIELDS, DEAL_FIELDS, is_user},
    view::CrmNote,
};

/// The vendor takes 50 in `leads/complex` and advises 50 elsewhere.
const ITEMS_MAX: usize = 50;
const CHANGEABLE: [&str; 3] = ["pipeline_id", "status_id", "custom_fields_values"];
/// A call and a meeting: the types of every account.
const TASK_TYPES: [i64; 2] = [1, 2];
/// A deadline later than this is no number of seconds, but of milliseconds.
const LATEST: i64 = 99_999_999_999;

pub(super) fn new_deals(account: &Account, body: &[u8]) -> Result<Vec<DealDraft>, Refusal> {
    each(account, &items(body)?, new_deal)
}

pub(super) fn deal_change(account: &Account, id: i64, body: &[u8]) -> Result<DealDraft, Refusal> {
    if !account.deals.contains_key(&id) {
        return Err(Refusal::not_found());
    }
    let body = parse(body)?;
    if !body.is_object() {
        return Err(Refusal::bad_request("The request body must be an object"));
    }
    let mut drafts = each(account, &[body], changed_deal)?;
    Ok(drafts.pop().unwrap_or_default())
}

pub(super) fn new_notes(account: &Account, body: &[u8]) -> Result<Vec<CrmNote>, Refusal> {
    each(account, &items(body)?, |check, fields| {
        check.only(fields, "", &["entity_id", "note_type", "params"]);
        let deal = check.int(fields, "", "entity_id");
        check.chosen(fields, "", "entity_id", deal, |id| account.deals.contains_key(id));
        // Calls, SMS and the other types have parameters of their own; no client writes them.
        let note_type = check.text(fields, "", "note_type");
        check.chosen(fields, "", "note_type", note_type, |kind| kind == "common");
        let params = check.object(fields, "", "params");
        let text = params.and_then(|params| {
            check.only(params, "params", &["text"]);
            check.text(params, "params", "text")
        });
        if text.is_none() {
            check.missing("params.text");
        }
        CrmNote {
            deal_id: deal.unwrap_or_default(),
            text: text.unwrap_or_default(),
        }
    })
}

pub(super) fn new_tasks(account: &Account, body: &[u8]) -> Result<Vec<TaskDraft>, Refusal> {
    each(account, &items(body)?, new_task)
}

/// The vendor takes a task without a deal, and one of another entity too; no client makes one.
fn new_task(check: &mut Check, fields: &Map<String, Value>) -> TaskDraft {
    check.only(
        fields,
        "",
        &[
            "task_type_id",
            "text",
            "complete_till",
            "entity_id",
            "entity_type",
            "responsible_user_id",
            "request_id",
        ],
    );
    let account = check.account;
    let deal = check.int(fields, "", "entity_id");
    check.chosen(fields, "", "entity_id", deal, |id| account.deals.contains_key(id));
    let kind = check.text(fields, "", "entity_type");
    check.chosen(fields, "", "entity_type", kind, |kind| kind == "leads");
    let until = check.int(fields, "", "complete_till");
    check.chosen(fields, "", "complete_till", until, |until| {
        (1..=LATEST).contains(until)
    });
    let task_type = check.int(fields, "", "task_type_id");
    check.chosen(fields, "", "task_type_id", task_type, |kind| {
        TASK_TYPES.contains(kind)
    });
    let text = check.text(fields, "", "text");
    if !fields.contains_key("text") {
        check.missing("text");
    }
    TaskDraft {
        deal_id: deal.unwrap_or_default(),
        text: text.unwrap_or_default(),
        complete_till: until.unwrap_or_default(),
        responsible: responsible(check, fields),
        request_id: check.text(fields, "", "request_id"),
    }
}

fn responsible(check: &mut Check, fields: &Map<String, Value>) -> Option<i64> {
    let key = "responsible_user_id";
    let user = check.int(fields, "", key);
    if fields.contains_key(key) {
        check.chosen(fields, "", key, user, |id| is_user(*id));
    }
    user
}

fn parse(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::bad_request("The request body is not valid JSON"))
}

fn items(body: &[u8]) -> Result<Vec<Value>, Refusal> {
    match parse(body)? {
        Value::Array(items) if (1..=ITEMS_MAX).contains(&items.len()) => Ok(items),
        _ => Err(Refusal::bad_request(format!(
            "The request body must be an array of 1 to {ITEMS_MAX} items"
        ))),
    }
}

/// Reads every item of the body; one wrong item refuses them all.
fn each<T>(
    account: &Account,
    items: &[Value],
    read: impl Fn(&mut Check, &Map<String, Value>) -> T,
) -> Result<Vec<T>, Refusal> {
    let (mut drafts, mut refused) = (Vec::new(), Vec::new());
    for (place, item) in items.iter().enumerate() {
        let mut check = Check::new(account);
        match item {
            Value::Object(fields) => drafts.push(read(&mut check, fields)),
            _ => check.wrong_type("", "object"),
        }
        let wrong = check.into_wrong();
        if !wrong.is_empty() {
            refused.push((place, wrong));
        }
    }
    if refused.is_empty() {
        Ok(drafts)
    } else {
        Err(Refusal::validation(refused))
    }
}

fn new_deal(check: &mut Check, fields: &Map<String, Value>) -> DealDraft {
    // Within `_embedded`, `metadata` would send the deal to Unsorted. It is refused with every other key.
    let (mut tags, mut contact) = (Vec::new(), None);
    if let Some(embedded) = check.object(fields, "", "_embedded") {
        check.only(embedded, "_embedded", &["tags", "contacts"]);
        tags = read_tags(check, embedded, "_embedded", "tags");
        contact = read_contact(check, embedded);
    }
    check.only(
        fields,
        "",
        &[&["name", "_embedded", "responsible_user_id"][..], &CHANGEABLE].concat(),
    );
    DealDraft {
        name: check.text(fields, "", "name"),
        place: check.place(fields, true),
        values: check.values(fields, "", &DEAL_FIELDS),
        tags,
        responsible: responsible(check, fields),
        contact,
    }
}

/// The vendor lets the name and the user be changed too, and takes `_embedded.tags`, which replaces all tags; no client does.
fn changed_deal(check: &mut Check, fields: &Map<String, Value>) -> DealDraft {
    check.only(fields, "", &[&["tags_to_add"][..], &CHANGEABLE].concat());
    DealDraft {
        place: check.place(fields, false),
        values: check.values(fields, "", &DEAL_FIELDS),
        tags: read_tags(check, fields, "", "tags_to_add"),
        ..DealDraft::default()
    }
}

fn read_tags(check: &mut Check, fields: &Map<String, Value>, path: &str, key: &str) -> Vec<String> {
    let items = check.objects(fields, path, key).unwrap_or_default();
    let mut tags = Vec::new();
    for (path, item) in items {
        check.only(item, &path, &["name"]);
        match check.text(item, &path, "name") {
            Some(name) => tags.push(name),
            None => check.missing(&at(&path, "name")),
        }
    }
    tags
}

fn read_contact(check: &mut Check, embedded: &Map<String, Value>) -> Option<ContactRef> {
    let items = check.objects(embedded, "_embedded", "contacts")?;
    if items.len() > 1 {
        check.too_many("_embedded.contacts", 1);
    }
    let (path, item) = items.into_iter().next()?;
    if item.contains_key("id") {
        check.only(item, &path, &["id"]);
        let (id, account) = (check.int(item, &path, "id"), check.account);
        check.chosen(item, &path, "id", id, |id| account.contacts.contains_key(id));
        return id.map(ContactRef::Known);
    }
    check.only(item, &path, &["first_name", "custom_fields_values"]);
    Some(ContactRef::New(ContactDraft {
        name: check.text(item, &path, "first_name").unwrap_or_default(),
        values: check.values(item, &path, &CONTACT_FIELDS),
    }))
}
