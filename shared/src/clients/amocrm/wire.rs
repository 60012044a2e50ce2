//! amoCRM's JSON, reduced to what is needed. Parsing is tolerant, because the vendor's own libraries disagree on
//! shapes.

use super::{Created, Task};
use crate::domain::ids::{ContactId, DealId, FieldId, PipelineId, StageId, UserId};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

#[derive(Debug, Clone, Deserialize)]
pub struct Pipeline {
    pub id: PipelineId,
    pub name: String,
    #[serde(rename = "_embedded")]
    embedded: EmbeddedStatuses,
}

impl Pipeline {
    pub fn statuses(&self) -> &[Status] {
        &self.embedded.statuses
    }
}

#[derive(Debug, Clone, Deserialize)]
struct EmbeddedStatuses {
    #[serde(default)]
    statuses: Vec<Status>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    pub id: StageId,
    pub name: String,
    /// Position: a larger number is further along.
    #[serde(default)]
    pub sort: i64,
}

#[derive(Clone, Deserialize)]
pub struct Contact {
    pub id: ContactId,
    #[serde(default, deserialize_with = "null_as_empty")]
    custom_fields_values: Vec<Field>,
    #[serde(default, rename = "_embedded")]
    embedded: Embedded,
}

impl Contact {
    /// The values of fields with this code, such as PHONE.
    pub fn values(&self, code: &str) -> impl Iterator<Item = &str> {
        let fields = self
            .custom_fields_values
            .iter()
            .filter(move |field| field.code.as_deref() == Some(code));
        fields.flat_map(Field::texts)
    }

    pub fn deals(&self) -> Vec<DealId> {
        self.embedded.leads.iter().map(|lead| DealId(lead.id)).collect()
    }
}

/// A deal. amoCRM calls it a lead; here a lead is a person.
#[derive(Clone, Deserialize)]
pub struct Deal {
    pub id: DealId,
    /// The pipeline of `status_id`.
    pub pipeline_id: PipelineId,
    pub status_id: StageId,
    /// Whether the deal is in the bin.
    #[serde(default)]
    pub is_deleted: bool,
    /// The salesperson of the deal.
    #[serde(default, rename = "responsible_user_id")]
    pub responsible: Option<UserId>,
    /// When the first of its open tasks is due, in seconds; absent when there is none.
    #[serde(default)]
    closest_task_at: Option<i64>,
    #[serde(default, deserialize_with = "null_as_empty")]
    custom_fields_values: Vec<Field>,
    #[serde(default, rename = "_embedded")]
    embedded: Embedded,
}

impl Deal {
    pub fn has_open_task(&self) -> bool {
        self.closest_task_at.is_some_and(|at| at > 0)
    }

    /// Tags are the same in any case.
    pub fn has_tag(&self, name: &str) -> bool {
        let mut tags = self.embedded.tags.iter();
        tags.any(|tag| tag.name.to_lowercase() == name.to_lowercase())
    }

    pub fn has(&self, field: FieldId) -> bool {
        self.texts(field).any(|text| !text.is_empty())
    }

    pub fn holds(&self, field: FieldId, value: &str) -> bool {
        self.texts(field).any(|text| text == value)
    }

    fn texts(&self, field: FieldId) -> impl Iterator<Item = &str> {
        let fields = self.custom_fields_values.iter();
        let fields = fields.filter(move |one| one.id == Some(field));
        fields.flat_map(Field::texts)
    }

    /// The first contact, if the request asked for contacts.
    pub fn contact(&self) -> Option<ContactId> {
        self.embedded
            .contacts
            .first()
            .map(|contact| ContactId(contact.id))
    }
}

#[derive(Clone, Deserialize)]
struct Field {
    #[serde(default, rename = "field_id")]
    id: Option<FieldId>,
    #[serde(default, rename = "field_code")]
    code: Option<String>,
    #[serde(default)]
    values: Vec<FieldValue>,
}

impl Field {
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| value.value.as_str())
    }
}

#[derive(Clone, Deserialize)]
struct FieldValue {
    /// Empty when it is not a text, a number or a boolean.
    #[serde(default, deserialize_with = "text_of_scalar")]
    value: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Embedded {
    #[serde(default)]
    leads: Vec<OnlyId>,
    #[serde(default)]
    contacts: Vec<OnlyId>,
    #[serde(default, deserialize_with = "null_as_empty")]
    tags: Vec<Tag>,
}

#[derive(Debug, Clone, Deserialize)]
struct Tag {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct OnlyId {
    id: i64,
}

macro_rules! page {
    ($page:ident, $embedded:ident, $list:ident, $item:ty) => {
        #[derive(Default, Deserialize)]
        pub(super) struct $page {
            #[serde(rename = "_embedded")]
            pub(super) embedded: $embedded,
        }

        #[derive(Default, Deserialize)]
        pub(super) struct $embedded {
            #[serde(default)]
            pub(super) $list: Vec<$item>,
        }
    };
}

page!(Pipelines, EmbeddedPipelines, pipelines, Pipeline);
page!(Contacts, EmbeddedContacts, contacts, Contact);
page!(Deals, EmbeddedDeals, leads, Deal);
page!(Notes, EmbeddedNotes, notes, WrittenNote);
page!(Tasks, EmbeddedTasks, tasks, Task);

#[derive(Deserialize)]
pub(super) struct WrittenNote {
    #[serde(default)]
    pub(super) params: NoteParams,
}

#[derive(Default, Deserialize)]
pub(super) struct NoteParams {
    #[serde(default)]
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TokenPair {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    pub(super) expires_in: u64,
}

/// The needed fields of `application/problem+json`.
#[derive(Default, Deserialize)]
pub(super) struct Problem {
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) retry_after: Option<u64>,
}

fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn text_of_scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        scalar => scalar.to_string(),
    })
}

/// Custom fields in the form of a request.
pub(super) fn fields(fields: &[(FieldId, String)]) -> Value {
    let fields: Vec<Value> = fields
        .iter()
        .map(|(id, value)| json!({"field_id": id, "values": [{"value": value}]}))
        .collect();
    json!(fields)
}

/// Tags in the form of a request.
pub(super) fn names(names: &[String]) -> Value {
    names.iter().map(|name| json!({"name": name})).collect()
}

/// How many notes or tasks an answer says were made: only one with an id counts.
pub(super) fn made(body: &[u8], what: &str) -> usize {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let made = body["_embedded"][what].as_array().map_or(&[][..], Vec::as_slice);
    made.iter().filter(|one| one["id"].is_i64()).count()
}

/// The first created deal. The vendor's SDK reads a bare array, another library `_embedded.leads`.
pub(super) fn created(body: &[u8]) -> Option<Created> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let list = body
        .as_array()
        .or_else(|| body.get("_embedded")?.get("leads")?.as_array())?;
    let first = list.first()?;
    Some(Created {
        deal: DealId(first.get("id")?.as_i64()?),
        contact: first.get("contact_id").and_then(Value::as_i64).map(ContactId),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_a_created_deal_are_read() {
        let expected = Created {
            deal: DealId(7),
            contact: Some(ContactId(8)),
        };
        for body in [
            r#"[{"id":7,"contact_id":8,"merged":false}]"#,
            r#"{"_embedded":{"leads":[{"id":7,"contact_id":8}]}}"#,
        ] {
            assert_eq!(created(body.as_bytes()), Some(expected), "{body}");
        }
        for body in ["", "[]", "{}", "[{}]", r#"[{"id":"7"}]"#] {
            assert_eq!(created(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_deal_tells_its_tags_its_salesperson_and_whether_it_has_a_task() {
        let read = |json: &str| serde_json::from_str::<Deal>(json).unwrap();
        let deal = read(
            r#"{"id":1,"pipeline_id":1,"status_id":1,"responsible_user_id":7,"closest_task_at":1588885140,
                "_embedded":{"tags":[{"id":5,"name":"Kenesary","color":null}]}}"#,
        );
        assert_eq!((deal.responsible, deal.has_open_task()), (Some(UserId(7)), true));
        assert!(deal.has_tag("kenesary") && !deal.has_tag("kene"));
        for without in [
            r#"{"id":1,"pipeline_id":1,"status_id":1}"#,
            r#"{"id":1,"pipeline_id":1,"status_id":1,"responsible_user_id":null,"closest_task_at":null,"_embedded":{"tags":null}}"#,
            r#"{"id":1,"pipeline_id":1,"status_id":1,"closest_task_at":0,"_embedded":{}}"#,
        ] {
            let deal = read(without);
            assert!(
                !deal.has_open_task() && deal.responsible.is_none() && !deal.has_tag("x"),
                "{without}"
            );
        }
    }

    #[test]
    fn only_a_task_with_an_id_was_made() {
        for (body, made) in [
            (
                r#"{"_embedded":{"tasks":[{"id":7,"request_id":"a"},{"id":8}]}}"#,
                2,
            ),
            (r#"{"_embedded":{"tasks":[{"id":"7"},{}]}}"#, 0),
            (r#"{"_embedded":{"tasks":null}}"#, 0),
            ("[]", 0),
            ("<html>", 0),
        ] {
            assert_eq!(super::made(body.as_bytes(), "tasks"), made, "{body}");
        }
    }

    #[test]
    fn a_contact_without_fields_or_embeds_is_read() {
        let contact: Contact = serde_json::from_str(r#"{"id":1,"custom_fields_values":null}"#).unwrap();
        assert_eq!((contact.values("PHONE").count(), contact.deals().len()), (0, 0));
    }

    #[test]
    fn a_field_that_is_no_text_is_filled_in_all_the_same() {
        for (value, text, is_filled) in [
            ("\"8 701\"", "8 701", true),
            ("87011234567", "87011234567", true),
            ("0", "0", true),
            ("false", "false", true),
            ("\"\"", "", false),
            ("null", "", false),
            ("{\"a\":1}", "", false),
            ("[1]", "", false),
        ] {
            let field = format!(r#"[{{"field_id":5,"field_code":"PHONE","values":[{{"value":{value}}}]}}]"#);
            let contact: Contact =
                serde_json::from_str(&format!(r#"{{"id":1,"custom_fields_values":{field}}}"#)).unwrap();
            assert_eq!(contact.values("PHONE").collect::<Vec<_>>(), [text], "{value}");
            let deal = format!(r#"{{"id":1,"pipeline_id":1,"status_id":1,"custom_fields_values":{field}}}"#);
            let deal: Deal = serde_json::from_str(&deal).unwrap();
            assert_eq!(deal.has(FieldId(5)), is_filled, "{value}");
        }
    }
}
