//! Ours beside the peer, by several labels.

use serde::Serialize;
use std::fmt::Write as _;

#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub title: &'static str,
    /// What the labels are.
    pub by: &'static str,
    pub labels: Vec<String>,
    pub lines: Vec<(&'static str, Vec<f64>)>,
}

impl Comparison {
    pub fn table(&self) -> String {
        let mut text = format!("{} by {}: {}", self.title, self.by, self.labels.join(", "));
        for (name, values) in &self.lines {
            let values: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
            let _ = write!(text, "\n  {name:<24} {}", values.join("  "));
        }
        text
    }
}
