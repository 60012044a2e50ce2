//! `cancel`: ends messages by when they are due, before they are sent. It prints numbers, never personal data.

use crate::actor::Actor;
use crate::database::Address;
use crate::store::{self, Cancelled, Span};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use proftest::domain::delivery::Channel;
use proftest::failure::chain;
use proftest::store::Store;
use std::time::Duration;

/// For one statement, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);
/// Notifications per statement.
const BATCH: i64 = 1000;
/// Almaty's time since March 2024, all over Kazakhstan.
const ALMATY: Offset = jiff::tz::offset(5);

#[derive(Args)]
pub struct Options {
    /// From when on they are due: 2026-11-22T14:30:00Z, or in Almaty's time 2026-11-22T14:30.
    #[arg(long)]
    from: String,
    /// Until when, not included.
    #[arg(long)]
    to: String,
    /// Only this channel: email or sms.
    #[arg(long)]
    channel: Option<String>,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    by: Actor,
    #[command(flatten)]
    database: Address,
}

pub async fn command(options: &Options) -> Result<(), String> {
    let span = span(&options.from, &options.to, options.channel.as_deref())?;
    let (store, by) = (options.database.store(DEADLINE)?, options.by.name()?);
    for line in run(&store, &span, &by, !options.dry_run).await? {
        println!("{line}");
    }
    Ok(())
}

/// Reads the command's options. The error says what is wrong.
pub fn span(from: &str, to: &str, channel: Option<&str>) -> Result<Span, String> {
    let span = Span {
        from: time("--from", from)?,
        to: time("--to", to)?,
        channel: channel
            .map(|channel| {
                Channel::parse(channel).ok_or_else(|| format!("--channel {channel}: it is email or sms"))
            })
            .transpose()?,
    };
    if span.from >= span.to {
        return Err(format!("--from {from} is not before --to {to}"));
    }
    Ok(span)
}

/// A moment with its offset, or Almaty's time without one.
fn time(option: &str, raw: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = raw.parse::<Timestamp>() {
        return Ok(moment);
    }
    let local: Result<DateTime, _> = raw.parse();
    let moment = local.and_then(|local| local.to_zoned(TimeZone::fixed(ALMATY)));
    moment.map(|moment| moment.timestamp()).map_err(|_| {
        format!(
            "{option} {raw}: it is a time like 2026-11-22T14:30 (in Almaty, UTC+5), or with an offset, like 2026-11-22T14:30:00Z"
        )
    })
}

/// Cancels what is due in the span and certainly not out; with `apply` false it only says what it would do. Returns what to
/// print.
pub async fn run(store: &Store, span: &Span, by: &str, apply: bool) -> Result<Vec<String>, String> {
    let mut cancelled = if apply {
        all(store, span, by).await?
    } else {
        Vec::new()
    };
    // What is left, or all of it when nothing was done.
    let left = store::cancel(store, span, by, i64::MAX, false).await;
    let left = left.map_err(|error| chain(&error))?;
    let (to_cancel, out): (Vec<Cancelled>, Vec<Cancelled>) = left.into_iter().partition(|one| one.cancelled);
    if !apply {
        cancelled = to_cancel;
    }
    let would = if apply { "Cancelled" } else { "Would be cancelled" };
    let in_almaty = |moment: Timestamp| {
        moment
            .to_zoned(TimeZone::fixed(ALMATY))
            .strftime("%F %T")
            .to_string()
    };
    let mut lines = vec![
        format!(
            "Due from {} to {} in Almaty (UTC+5).",
            in_almaty(span.from),
            in_almaty(span.to)
        ),
        format!("{would}: {}.", sum(&cancelled)),
    ];
    if !out.is_empty() {
        lines.push(format!(
            "Left alone, because they are being sent or may be out: {}.",
            sum(&out)
        ));
    }
    Ok(lines)
}

/// Cancels batch after batch.
async fn all(store: &Store, span: &Span, by: &str) -> Result<Vec<Cancelled>, String> {
    let mut cancelled = Vec::new();
    loop {
        let batch = store::cancel(store, span, by, BATCH, true).await;
        let batch = batch.map_err(|error| chain(&error))?;
        let before = cancelled.len();
        cancelled.extend(batch.into_iter().filter(|one| one.cancelled));
        if cancelled.len() == before {
            return Ok(cancelled);
        }
    }
}

/// `email 3, sms 5`, or `nothing`.
fn sum(found: &[Cancelled]) -> String {
    let of = |channel: Channel| {
        let theirs = found.iter().filter(|one| one.channel == channel);
        theirs.map(|one| one.deliveries).sum::<i64>()
    };
    let parts = Channel::ALL.into_iter().filter(|channel| of(*channel) > 0);
    let parts: Vec<String> = parts
        .map(|channel| format!("{} {}", channel.as_str(), of(channel)))
        .collect();
    if parts.is_empty() {
        return "nothing".to_owned();
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_almaty_s_unless_it_has_an_offset() {
        let utc: Timestamp = "2026-11-22T09:30:00Z".parse().unwrap();
        for raw in [
            "2026-11-22T14:30",
            "2026-11-22 14:30",
            "2026-11-22 14:30:00",
            "2026-11-22T14:30:00+05:00",
            "2026-11-22T09:30:00Z",
        ] {
            assert_eq!(time("--from", raw), Ok(utc), "{raw}");
        }
        let midnight: Timestamp = "2026-11-21T19:00:00Z".parse().unwrap();
        assert_eq!(time("--from", "2026-11-22"), Ok(midnight));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (from, to, channel, said) in [
            (
                "yesterday",
                "2026-11-22",
                None,
                "--from yesterday: it is a time like",
            ),
            (
                "2026-11-22",
                "22.11.2026",
                None,
                "--to 22.11.2026: it is a time like",
            ),
            ("2026-11-22", "2026-11-22", None, "is not before"),
            ("2026-11-22", "2026-11-23", Some("fax"), "it is email or sms"),
        ] {
            let error = span(from, to, channel).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
