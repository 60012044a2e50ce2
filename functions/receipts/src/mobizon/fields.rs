//! A report's fields by name, whatever form they came in: `eventId`, and below `data` such as `data.messageId`. What the form
//! is, its first character says: not every sender names the type.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use std::collections::HashMap;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields(HashMap<String, String>);

impl Fields {
    pub fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
        let mut fields = Self::default();
        match text.chars().next() {
            Some('{') => fields.json("", &serde_json::from_str(text).unwrap_or_default()),
            Some('<') => fields.xml(text),
            _ => fields.form(text),
        }
        fields
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim())
    }

    /// The first of a name counts.
    fn add(&mut self, name: &str, value: &str) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    fn json(&mut self, above: &str, value: &Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match value {
                Value::String(text) => self.add(&format!("{above}{name}"), text),
                Value::Number(number) => self.add(&format!("{above}{name}"), &number.to_string()),
                Value::Object(_) if above.is_empty() => self.json(&format!("{name}."), value),
                _ => {}
            }
        }
    }

    /// Below any root. No entity is expanded, and none stands in what is read here.
    fn xml(&mut self, text: &str) {
        let mut reader = Reader::from_str(text);
        let mut path: Vec<String> = Vec::new();
        loop {
            let text = match reader.read_event() {
                Ok(Event::Start(element)) => {
                    path.push(String::from_utf8_lossy(element.local_name().as_ref()).into_owned());
                    continue;
                }
                Ok(Event::End(_)) => {
                    path.pop();
                    continue;
                }
                Ok(Event::Text(text)) => text.into_inner(),
                Ok(Event::CData(text)) => text.into_inner(),
                Ok(Event::Eof) | Err(_) => return,
                Ok(_) => continue,
            };
            let text = String::from_utf8_lossy(&text);
            if let [_, names @ ..] = &path[..]
                && matches!(names.len(), 1 | 2)
                && !text.trim().is_empty()
            {
                self.add(&names.join("."), &text);
            }
        }
    }

    /// `data[messageId]=…` as PHP writes it, or `data` with JSON in it.
    fn form(&mut self, text: &str) {
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if name == "data" {
                self.json("data.", &serde_json::from_str(&value).unwrap_or_default());
            } else {
                self.add(&name.replace('[', ".").replace(']', ""), &value);
            }
        }
    }
}
