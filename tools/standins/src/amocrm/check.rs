//! Checks of one item of a request, which collect all that is wrong with it. The codes and their sentences are
//! those seen in the issues of amocrm/amocrm-api-php (#21, #115) and `Krukov/amocrm_api` (#86, #112).

use serde_json::{Map, Value};

use super::{
    account::{Account, FieldValue},
    answer::Wrong,
    rules::ValueChanges,
    setup::{Field, LOST, PIPELINES, WON, pipeline},
};

/// Values of custom fields an entity may be given at once.
const VALUES_MAX: usize = 40;

type Fields = Map<String, Value>;

/// What has been found wrong so far.
#[derive(Debug)]
pub(super) struct Check<'a> {
    pub(super) account: &'a Account,
    wrong: Vec<Wrong>,
}

/// The path of `key` in what stands at `path`.
pub(super) fn at(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

impl<'a> Check<'a> {
    pub(super) fn new(account: &'a Account) -> Self {
        Self {
            account,
            wrong: Vec::new(),
        }
    }

    pub(super) fn into_wrong(self) -> Vec<Wrong> {
        self.wrong
    }

    fn add(&mut self, code: &'static str, path: &str, detail: impl Into<String>) {
        self.wrong.push(Wrong {
            code,
            path: path.to_owned(),
            detail: detail.into(),
        });
    }

    pub(super) fn wrong_type(&mut self, path: &str, expected: &str) {
        self.add(
            "InvalidType",
            path,
            format!("This value should be of type {expected}."),
        );
    }

    pub(super) fn missing(&mut self, path: &str) {
        self.add("FieldMissing", path, "This field is missing.");
    }

    pub(super) fn too_many(&mut self, path: &str, max: usize) {
        let detail = format!("This collection should contain {max} elements or less.");
        self.add("TooMany", path, detail);
    }

    fn not_a_choice(&mut self, path: &str) {
        let detail = "The value you selected is not a valid choice.";
        self.add("NotSupportedChoice", path, detail);
    }

    /// Refuses every key but `known`, and `id` where `with_id`.
    pub(super) fn only(&mut self, fields: &Fields, path: &str, known: &[&str], with_id: bool) {
        for key in fields.keys() {
            let expected = known.contains(&key.as_str()) || (with_id && key == "id");
            if !expected {
                self.add("FieldNotExpected", &at(path, key), "This field was not expected.");
            }
        }
    }

    pub(super) fn int(&mut self, fields: &Fields, path: &str, key: &str) -> Option<i64> {
        let number = fields.get(key)?.as_i64();
        if number.is_none() {
            self.wrong_type(&at(path, key), "int");
        }
        number
    }

    /// Text with something in it.
    pub(super) fn text(&mut self, fields: &Fields, path: &str, key: &str) -> Option<String> {
        match fields.get(key)? {
            Value::String(text) if text.is_empty() => {
                self.add("NotBlank", &at(path, key), "This value should not be blank.");
                None
            }
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong_type(&at(path, key), "string");
                None
            }
        }
    }

    pub(super) fn object<'v>(&mut self, fields: &'v Fields, path: &str, key: &str) -> Option<&'v Fields> {
        let object = fields.get(key)?.as_object();
        if object.is_none() {
            self.wrong_type(&at(path, key), "object");
        }
        object
    }

    /// The objects of an array, each with its path.
    pub(super) fn objects<'v>(
        &mut self,
        fields: &'v Fields,
        path: &str,
        key: &str,
    ) -> Option<Vec<(String, &'v Fields)>> {
        let path = at(path, key);
        let Value::Array(items) = fields.get(key)? else {
            self.wrong_type(&path, "array");
            return None;
        };
        let mut objects = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = at(&path, &index.to_string());
            match item {
                Value::Object(object) => objects.push((path, object)),
                _ => self.wrong_type(&path, "object"),
            }
        }
        Some(objects)
    }

    /// What must be there, and one of what exists. `value` is what was read at `key`, if it could be.
    pub(super) fn chosen<T>(
        &mut self,
        fields: &Fields,
        path: &str,
        key: &str,
        value: Option<T>,
        exists: impl Fn(&T) -> bool,
    ) {
        match value {
            Some(value) if !exists(&value) => self.not_a_choice(&at(path, key)),
            None if !fields.contains_key(key) => self.missing(&at(path, key)),
            _ => {}
        }
    }

    /// The pipeline and the status that a deal is to have. `current`: those it has, if there is one already; then
    /// `None` says that it stays. A pipeline without a status means its first one, a status without a pipeline
    /// the pipeline it is of; won and lost, which are of all, leave the deal in its own.
    pub(super) fn place(&mut self, fields: &Fields, current: Option<(i64, i64)>) -> Option<(i64, i64)> {
        let pipeline_id = self.int(fields, "", "pipeline_id");
        let status_id = self.int(fields, "", "status_id");
        let chosen = match (pipeline_id, status_id) {
            (None, None) if current.is_some() => return None,
            (Some(id), _) => pipeline(id),
            (None, Some(id)) if !matches!(id, WON | LOST) => PIPELINES
                .iter()
                .find(|pipeline| pipeline.statuses.iter().any(|status| status.id == id)),
            (None, _) => current.map_or(PIPELINES.first(), |(id, _)| pipeline(id)),
        };
        let Some(chosen) = chosen else {
            self.not_a_choice(if pipeline_id.is_some() {
                "pipeline_id"
            } else {
                "status_id"
            });
            return None;
        };
        let status = match status_id {
            Some(id) => chosen.statuses.iter().find(|status| status.id == id),
            None => chosen.statuses.first(),
        };
        if status.is_none() {
            self.not_a_choice("status_id");
        }
        status.map(|status| (chosen.id, status.id))
    }

    /// `custom_fields_values`: fields named by id or code; `values` may be null, which empties the field.
    pub(super) fn values(&mut self, fields: &Fields, path: &str, known: &'static [Field]) -> ValueChanges {
        let key = "custom_fields_values";
        let mut changes = ValueChanges::new();
        for (path, item) in self.objects(fields, path, key).unwrap_or_default() {
            self.only(item, &path, &["field_id", "field_code", "values"], false);
            let Some(field) = self.field(item, &path, known) else {
                continue;
            };
            let values = match item.get("values") {
                Some(Value::Null) => Vec::new(),
                None => {
                    self.missing(&at(&path, "values"));
                    continue;
                }
                Some(_) => self.field_values(item, &path, field),
            };
            changes.insert(field.id, values);
        }
        if changes.values().map(Vec::len).sum::<usize>() > VALUES_MAX {
            self.too_many(&at(path, key), VALUES_MAX);
        }
        changes
    }

    fn field(&mut self, item: &Fields, path: &str, known: &'static [Field]) -> Option<&'static Field> {
        let id = self.int(item, path, "field_id");
        let code = self.text(item, path, "field_code");
        if id.is_none() && code.is_none() {
            self.missing(&at(path, "field_id"));
            return None;
        }
        let found = known.iter().find(|field| {
            id.is_none_or(|id| id == field.id) && code.as_ref().is_none_or(|code| code == field.code)
        });
        if found.is_none() {
            self.not_a_choice(&at(path, if id.is_some() { "field_id" } else { "field_code" }));
        }
        found
    }

    fn field_values(&mut self, item: &Fields, path: &str, field: &'static Field) -> Vec<FieldValue> {
        let items = self.objects(item, path, "values").unwrap_or_default();
        if field.enums.is_empty() && items.len() > 1 {
            self.too_many(&at(path, "values"), 1);
        }
        let mut values = Vec::new();
        for (path, item) in items {
            let keys: &[&str] = if field.enums.is_empty() {
                &["value"]
            } else {
                &["value", "enum_code"]
            };
            self.only(item, &path, keys, false);
            let code = self.text(item, &path, "enum_code");
            let enum_code = match &code {
                Some(code) => field.enums.iter().find(|known| *known == code),
                None => field.enums.first(),
            };
            if code.is_some() && enum_code.is_none() && !field.enums.is_empty() {
                self.not_a_choice(&at(&path, "enum_code"));
            }
            match self.text(item, &path, "value") {
                Some(value) => values.push(FieldValue {
                    value,
                    enum_code: enum_code.copied(),
                }),
                None if !item.contains_key("value") => self.missing(&at(&path, "value")),
                None => {}
            }
        }
        values
    }
}
