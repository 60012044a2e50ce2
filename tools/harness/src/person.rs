//! People as they fill in the form: the one place in which leads are made up.

use proftest::domain::contact::{ContactError, Email, Name, Phone};
use proftest::store::NewLead;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

/// One person and what they send.
#[derive(Debug, Clone)]
pub struct Person {
    /// As typed.
    pub name: String,
    /// As typed.
    pub email: String,
    /// As typed.
    pub phone: String,
    /// Where they came from.
    pub source: String,
    /// What the form sends besides, such as answers.
    pub metadata: Map<String, Value>,
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

impl Person {
    /// A person whom nobody else in this process is.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        Self::number(NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// The person of this number, the same each time.
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

    /// What `intake` makes of their submission.
    ///
    /// # Errors
    /// When what they typed is no name, address or number.
    pub fn lead(&self) -> Result<NewLead, ContactError> {
        Ok(NewLead {
            name: Name::parse(&self.name)?,
            email: Email::parse(&self.email)?,
            phone: Phone::parse(&self.phone)?,
            source: self.source.clone(),
            metadata: self.metadata.clone(),
            idempotency_key: None,
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

    /// The phone as Mobizon writes it.
    pub fn digits(&self) -> &str {
        self.phone.trim_start_matches('+')
    }
}
