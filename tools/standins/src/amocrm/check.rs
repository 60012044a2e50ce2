//! Checks of one item of a request, which collect all that is wrong with it. Source of the codes and their sentences: the
//! issues of amocrm/amocrm-api-php (#21, #115) and `Krukov/amocrm_api` (#86, #112).

use serde_json::{Map, Value};

use super::{
    account::{Account, Values},
    answer::Wrong,
    setup::{Field, pipeline},
};

/// Values of custom fields an entity may be given at once.
const VALUES_MAX: usize = 40;

type Fields = Map<String, Value>;

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

    /// Refuses every key but `known`.
    pub(super) fn only(&mut self, fields: &Fields, path: &str, known: &[&str]) {
        for key in fields.keys() {
            if !known.contains(&key.as_str()) {
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

    /// Refuses an absent `key`, and a value that does not exist. `value` is what was read at `key`.
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

    /// The pipeline and the status that a deal is to have, both or neither; a new deal needs them. The vendor would
    /// fill in what is missing.
    pub(super) fn place(&mut self, fields: &Fields, is_new: bool) -> Option<(i64, i64)> {
        let (pipeline_key, status_key) = ("pipeline_id", "status_id");
        if !is_new && !fields.contains_key(pipeline_key) && !fields.contains_key(status_key) {
            return None;
        }
        let pipeline_id = self.int(fields, "", pipeline_key);
        let status_id = self.int(fields, "", status_key);
        let found = pipeline_id.and_then(pipeline);
        self.chosen(fields, "", pipeline_key, pipeline_id, |_| found.is_some());
        self.chosen(fields, "", status_key, status_id, |id| {
            found.is_none_or(|pipeline| pipeline.statuses.iter().any(|status| status.id == *id))
        });
        pipeline_id.zip(status_id)
    }

    pub(super) fn values(&mut self, fields: &Fields, path: &str, known: &'static [Field]) -> Values {
        let key = "custom_fields_values";
        let mut all = Values::new();
        for (path, item) in self.objects(fields, path, key).unwrap_or_default() {
            self.only(item, &path, &["field_id", "field_code", "values"]);
            if let Some(field) = self.field(item, &path, known) {
                all.insert(field.id, self.field_values(item, &path, field));
            }
        }
        if all.values().map(Vec::len).sum::<usize>() > VALUES_MAX {
            self.too_many(&at(path, key), VALUES_MAX);
        }
        all
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

    fn field_values(&mut self, item: &Fields, path: &str, field: &'static Field) -> Vec<String> {
        let items = self.objects(item, path, "values").unwrap_or_default();
        if items.is_empty() {
            self.missing(&at(path, "values"));
        }
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
            self.only(item, &path, keys);
            let code = self.text(item, &path, "enum_code");
            if code.is_some_and(|code| !field.enums.is_empty() && !field.enums.contains(&code.as_str())) {
                self.not_a_choice(&at(&path, "enum_code"));
            }
            let value = self.text(item, &path, "value");
            if !item.contains_key("value") {
                self.missing(&at(&path, "value"));
            }
            values.extend(value);
        }
        values
    }
}
