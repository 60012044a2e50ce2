//! Logs and metrics. Log once, where an event is handled. Log ids and reasons, never a name, an address, a phone
//! number, a URL with a key, or a message's text.

use serde_json::{Map, Value, json};
use std::io::Write as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts JSON logs on standard output, which CloudWatch keeps as fields. `filter` is a level, or a list like
/// `proftest=debug,info`; an unreadable one is reported and counts as `info`.
pub fn init(filter: Option<&str>) {
    let filter = filter.unwrap_or("info");
    let read: Result<Targets, _> = filter.parse();
    let malformed = read.as_ref().err().map(ToString::to_string);
    let fallback = || Targets::new().with_default(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(std::io::stdout)
        .finish();
    // A second call fails, which only happens in tests that share a process. The first subscriber stays.
    let _ = lines.with(read.unwrap_or_else(|_| fallback())).try_init();
    if let Some(error) = malformed {
        tracing::warn!(filter, error, "RUST_LOG is malformed and counts as info");
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Unit {
    Count,
    Seconds,
    Percent,
    /// Anything else, such as money.
    None,
}

/// Writes metrics in CloudWatch's embedded metric format, all in one line. Source: CloudWatch embedded metric format
/// specification.
///
/// `function`, the one dimension, is the deployed name, so two stacks of an account and region stay apart.
#[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double")]
pub fn metrics(function: &str, values: &[(&str, f64, Unit)]) {
    let names: Vec<Value> = values
        .iter()
        .map(|(name, _, unit)| json!({"Name": name, "Unit": match unit { Unit::Count => "Count", Unit::Seconds => "Seconds", Unit::Percent => "Percent", Unit::None => "None" }}))
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
    // If the log fails, there is no other place to report to.
    let _ = writeln!(std::io::stdout().lock(), "{}", Value::Object(line));
}
