//! `release`: lets held deliveries go out. It prints ids and reasons, never personal data.

use crate::actor::Actor;
use crate::database::Address;
use crate::store::{self, Held, Release};
use clap::Args;
use proftest::domain::ids::LeadId;
use proftest::failure::chain;
use proftest::store::Store;
use std::time::Duration;

/// For one statement, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);
/// So many leads are named; the rest is only counted.
const NAMED_MAX: usize = 50;

#[derive(Args)]
pub struct Options {
    /// The lead whose held deliveries are released.
    #[arg(long, required_unless_present = "reason", conflicts_with = "reason")]
    lead: Option<String>,
    /// The reason for which they are held, such as country or budget:global.
    #[arg(long)]
    reason: Option<String>,
    /// How many deliveries at most, oldest first.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    by: Actor,
    #[command(flatten)]
    database: Address,
}

pub async fn command(options: &Options) -> Result<(), String> {
    let held = match (&options.lead, &options.reason) {
        (Some(lead), _) => Held::OfLead(
            LeadId::parse(lead).ok_or("--lead is not a lead's id, as landing_leads.id has it".to_owned())?,
        ),
        (None, reason) => Held::For(reason.clone().unwrap_or_default()),
    };
    let (store, by) = (options.database.store(DEADLINE)?, options.by.name()?);
    for line in run(&store, &held, options.limit, &by, !options.dry_run).await? {
        println!("{line}");
    }
    Ok(())
}

/// Releases what is held so; with `apply` false it only says what it would do. Returns what to print.
pub async fn run(
    store: &Store,
    held: &Held,
    limit: u32,
    by: &str,
    apply: bool,
) -> Result<Vec<String>, String> {
    let found = store::release(store, held, limit, by, apply).await;
    let found = found.map_err(|error| chain(&error))?;
    let (stay, released): (Vec<Release>, Vec<Release>) =
        found.into_iter().partition(|one| one.stays.is_some());
    let mut lines: Vec<String> = released.iter().take(NAMED_MAX).map(describe).collect();
    if released.len() > NAMED_MAX {
        lines.push(format!("… and {} more", released.len() - NAMED_MAX));
    }
    lines.extend(stay.iter().map(describe));
    let would = if apply { "Released" } else { "Would be released" };
    lines.push(match released.len() {
        0 => "Nothing to release.".to_owned(),
        count => format!("{would}: {count} deliveries."),
    });
    if released.is_empty() && stay.is_empty() {
        let now = store::held_now(store).await.map_err(|error| chain(&error))?;
        let now: Vec<String> = now
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let now = if now.is_empty() {
            "nothing".to_owned()
        } else {
            now.join(", ")
        };
        lines.push(format!("Held now: {now}."));
    } else if apply && !released.is_empty() {
        lines.push("The sweep wakes them within a minute; the budgets of all still hold them.".to_owned());
    }
    Ok(lines)
}

/// `lead …: sms (country)`, or what stays.
fn describe(one: &Release) -> String {
    let (channel, reason) = (one.channel.as_str(), &one.reason);
    let why = match one.stays.as_deref() {
        Some("suppressed") => "the person wants nothing",
        _ => "the person has a newer message",
    };
    match one.lead {
        Some(lead) => format!("lead {lead}: {channel} ({reason})"),
        None => format!("{} {channel} ({reason}) stay: {why}", one.deliveries),
    }
}
