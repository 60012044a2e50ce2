//! `rejudge`: gives stored hits the verdicts of today's rules. It prints numbers only.

use crate::actor::Actor;
use crate::database::Address;
use crate::store::{self, KeptHit, Rejudged};
use clap::Args;
use proftest::domain::hit::{Hit, RULES_VERSION, Rule, Verdict, judge};
use proftest::domain::ids::ClickId;
use proftest::failure::chain;
use proftest::store::Store;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// For one statement, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);
/// Hits of one statement.
const BATCH: i64 = 500;

#[derive(Args)]
pub struct Options {
    /// Only count what would change.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    by: Actor,
    #[command(flatten)]
    database: Address,
}

pub async fn command(options: &Options) -> Result<(), String> {
    let (store, by) = (options.database.store(DEADLINE)?, options.by.name()?);
    for line in run(&store, &by, !options.dry_run).await? {
        println!("{line}");
    }
    Ok(())
}

/// Judges all hits of older rules, a batch at a time; begun again, it goes on. Returns what to print.
pub async fn run(store: &Store, by: &str, apply: bool) -> Result<Vec<String>, String> {
    let mut changes = BTreeMap::<(Verdict, Verdict), i64>::new();
    let mut after = None;
    loop {
        let hits = store::older_hits(store, after, BATCH).await;
        let hits = hits.map_err(|error| chain(&error))?;
        let Some(last) = hits.last() else { break };
        after = Some(last.id);
        let judged: Vec<(ClickId, Rule)> = hits.iter().map(|hit| (hit.id, rule(hit))).collect();
        let done = store::rejudge(store, &judged, by, apply).await;
        for Rejudged { was, verdict, hits } in done.map_err(|error| chain(&error))? {
            *changes.entry((was, verdict)).or_default() += hits;
        }
    }
    Ok(describe(&changes, apply))
}

fn rule(hit: &KeptHit) -> Rule {
    // Of `203.0.113.0/24` the first address: no list of networks is finer.
    let from = hit.from.as_deref().and_then(|from| from.split('/').next());
    judge(&Hit {
        method: &hit.method,
        user_agent: hit.user_agent.as_deref(),
        headers: &hit.headers,
        address: from.and_then(|from| from.parse::<IpAddr>().ok()),
    })
}

fn describe(changes: &BTreeMap<(Verdict, Verdict), i64>, apply: bool) -> Vec<String> {
    let all: i64 = changes.values().sum();
    if all == 0 {
        return vec![format!(
            "Every hit was judged by the rules of today ({RULES_VERSION})."
        )];
    }
    let differ = changes.iter().filter(|((was, verdict), _)| was != verdict);
    let mut lines: Vec<String> = differ
        .map(|((was, verdict), hits)| format!("{} → {}: {hits}", was.as_str(), verdict.as_str()))
        .collect();
    let done = if apply { "Judged" } else { "Would be judged" };
    lines.push(format!(
        "{done} by the rules of today ({RULES_VERSION}): {all} hits."
    ));
    lines
}
