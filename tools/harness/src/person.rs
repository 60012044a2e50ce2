//! People as they fill in the form: the one place in which leads are made up.

use proftest::domain::contact::{ContactError, Email, Name, Phone};
use proftest::domain::guard::Evidence;
use proftest::domain::metadata::Metadata;
use proftest::store::NewLead;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub phone: String,
    pub source: String,
    pub metadata: Map<String, Value>,
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

impl Person {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        Self::number(NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    pub fn number(number: u32) -> Self {
        Self {
            name: "Айгерим".to_owned(),
            email: format!("person{number}@example.com"),
            phone: format!("+7701{number:07}"),
            source: "proftest".to_owned(),
            metadata: Map::new(),
        }
    }

    /// The same person with these members in the metadata; anything but an object adds none.
    #[must_use]
    pub fn with(&self, metadata: Value) -> Self {
        let mut person = self.clone();
        if let Value::Object(members) = metadata {
            person.metadata.extend(members);
        }
        person
    }

    pub fn lead(&self) -> Result<NewLead, ContactError> {
        Ok(NewLead {
            name: Name::parse(&self.name)?,
            email: Email::parse(&self.email)?,
            phone: Phone::parse(&self.phone)?,
            source: self.source.clone(),
            metadata: Metadata::from_json(self.metadata.clone()),
            idempotency_key: None,
            evidence: Evidence::default(),
        })
    }

    /// Their submission as JSON, without the source.
    pub fn form(&self) -> Value {
        let mut form = self.metadata.clone();
        let contact = json!({"name": self.name, "email": self.email, "phone": self.phone});
        if let Value::Object(contact) = contact {
            form.extend(contact);
        }
        Value::Object(form)
    }

    pub fn digits(&self) -> &str {
        self.phone.trim_start_matches('+')
    }
}
