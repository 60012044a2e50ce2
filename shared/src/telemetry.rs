//! Logs and metrics. Log once, where a thing is handled; ids and reasons, never a name, an address, a phone
//! number, a URL with a key, or a message's text.

use serde_json::{Map, Value, json};
use std::io::Write as _;

/// Starts JSON logs on standard output, which CloudWatch keeps as fields. `filter` as in `RUST_LOG`.
pub fn init(filter: Option<&str>) {
    let filter = tracing_subscriber::EnvFilter::new(filter.unwrap_or("info"));
    // Only a second call fails, in tests that share a process; the first one's subscriber stays.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stdout)
        .try_init();
}

/// A metric's unit, as CloudWatch names it.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A span of time.
    Seconds,
    /// Anything else, such as money.
    None,
}

/// Writes metrics in CloudWatch's embedded metric format, one line for all of them.
///
/// Source: CloudWatch embedded metric format specification. `function`, the one dimension, is the deployed
/// name: two stacks of an account and region must not cover for each other.
#[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double")]
pub fn metrics(function: &str, values: &[(&str, f64, Unit)]) {
    let names: Vec<Value> = values
        .iter()
        .map(|(name, _, unit)| json!({"Name": name, "Unit": match unit { Unit::Count => "Count", Unit::Seconds => "Seconds", Unit::None => "None" }}))
        .collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": jiff::Timestamp::now().as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": "proftest", "Dimensions": [["function"]], "Metrics": names}],
        }),
    );
    line.insert("function".to_owned(), json!(function));
    line.extend(
        values
            .iter()
            .map(|(name, value, _)| ((*name).to_owned(), json!(value))),
    );
    // A log that cannot be written leaves nobody to tell.
    let _ = writeln!(std::io::stdout().lock(), "{}", Value::Object(line));
}
