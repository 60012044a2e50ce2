//! What happened: one line each on the terminal, and the console's newest two hundred.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

const KEPT: usize = 200;

#[derive(Debug, Clone, Serialize)]
pub struct LogLine {
    pub at: String,
    pub lead: Option<String>,
    pub text: String,
}

/// The lines so far; clones share them.
#[derive(Debug, Clone)]
pub struct Log {
    newest_first: Arc<Mutex<VecDeque<LogLine>>>,
    print: bool,
}

impl Log {
    /// An empty log; `print` also writes each line to the terminal.
    pub fn new(print: bool) -> Self {
        Self {
            newest_first: Arc::default(),
            print,
        }
    }

    pub fn add(&self, lead: Option<String>, text: String) {
        let at = Timestamp::now();
        if self.print {
            let time = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S");
            println!("{time}  {:36}  {text}", lead.as_deref().unwrap_or("-"));
        }
        let mut lines = self.newest_first.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_front(LogLine {
            at: format!("{at:.3}"),
            lead,
            text,
        });
        lines.truncate(KEPT);
    }

    pub fn list(&self) -> Vec<LogLine> {
        self.newest_first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Adds a line that a function printed if it is about a lead, a warning or an error.
    pub fn add_printed(&self, function: &str, line: &str) {
        let Ok(log) = serde_json::from_str::<Value>(line) else {
            // A panic, or a start that was refused, is plain text.
            if !line.trim().is_empty() {
                self.add(None, format!("{function}: {line}"));
            }
            return;
        };
        let text = |name: &str| {
            log.get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let (Some(message), Some(level)) = (text("message"), text("level")) else {
            return;
        };
        let lead = text("lead.id").map(str::to_owned);
        if lead.is_none() && !matches!(level, "WARN" | "ERROR") {
            return;
        }
        let details = ["channel", "state", "source", "reason", "error"]
            .into_iter()
            .filter_map(text);
        let details: Vec<&str> = details.collect();
        let colon = if details.is_empty() { "" } else { ": " };
        self.add(lead, format!("{function}: {message}{colon}{}", details.join(" ")));
    }
}
