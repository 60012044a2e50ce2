//! The crash matrix: a process is killed (SIGKILL) right before and right after every statement, every call to AWS and
//! every call to a vendor, again and again, while its messages come back shuffled and doubled. Then nothing may be lost,
//! and nothing doubled.
//!
//! With few leads it is a part of every test run. The whole of it prints its table:
//!
//! ```text
//! CRASH_LEADS=100 cargo test --workspace --test it crash_matrix -- --nocapture
//! ```
//!
//! `CRASH_LEADS` is the number of leads a point, `CRASH_ROUNDS` how often each message comes back under the armed
//! point (10, or 3 with fewer than 100 leads), `CRASH_ONLY` a part of the name of the points to run, such as
//! `deliver.record`.

mod outcome;
mod points;
mod rounds;
mod scene;

use futures::StreamExt as _;
use harness::tools;
use harness::world::{binaries, binaries_with_failpoints, run};
use outcome::{HEAD, Outcome, drain};
use points::{NOT_OF_A_FUNCTION, Point, STEPS, points};
use proftest::config::variable;
use rounds::{Armed, Chance, Told};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

/// Leads a point in every test run.
const LEADS: usize = 10;
/// Points that are tried side by side: most of their time is waiting.
const SIDE_BY_SIDE: usize = 6;
/// The words of `shared/src/failpoint.rs` that tell an armed binary.
const MARK: &str = "proftest-failpoint";

async fn outcome(point: Point, leads: usize, rounds: usize) -> Outcome {
    let world = scene::world(point.scene, leads).await;
    let armed = Armed {
        world: &world,
        point,
        chance: Chance::new(&format!("{point:?}")),
        deaths: 0.into(),
    };
    let told = if point.function == "intake" {
        armed.visitors(rounds, leads).await
    } else {
        let saved = scene::save(&world, leads).await;
        match point.function {
            "track" => armed.clicks(rounds, &saved).await,
            "sweep" => {
                armed.sweeps(rounds).await;
                Told::default()
            }
            _ => {
                armed.messages(rounds, &saved).await;
                Told::default()
            }
        }
    };
    world.vendors.heal();
    drain(&world).await;
    Outcome::of(&armed, &told).await
}

fn number(variable: &str) -> Option<usize> {
    proftest::config::variable(variable).map(|value| value.parse().expect(variable))
}

#[test]
fn a_process_killed_at_any_step_loses_nothing_and_doubles_nothing() {
    run(async {
        let leads = number("CRASH_LEADS").unwrap_or(LEADS);
        let rounds = number("CRASH_ROUNDS").unwrap_or(if leads < 100 { 3 } else { 10 });
        let only = variable("CRASH_ONLY").unwrap_or_default();
        let chosen =
            |point: &Point| format!("{}.{}.{}", point.function, point.step, point.side).contains(&only);
        let points: Vec<Point> = points().into_iter().filter(chosen).collect();
        binaries_with_failpoints().await;
        let started = Instant::now();
        println!("{HEAD}");
        let outcomes: Vec<Outcome> = futures::stream::iter(points)
            .map(|point| async move {
                let outcome = outcome(point, leads, rounds).await;
                println!("{outcome}");
                outcome
            })
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        let total = |count: fn(&Outcome) -> usize| outcomes.iter().map(count).sum::<usize>();
        println!(
            "\n{} points, {} deaths, {} leads, {rounds} rounds, {:.0} s",
            outcomes.len(),
            total(|outcome| outcome.deaths),
            total(|outcome| outcome.leads),
            started.elapsed().as_secs_f64(),
        );
        let bad: Vec<String> = outcomes
            .iter()
            .filter(|outcome| !outcome.is_good())
            .map(ToString::to_string)
            .collect();
        assert!(
            !outcomes.is_empty() && bad.is_empty(),
            "{HEAD}\n{}",
            bad.join("\n")
        );
    });
}

/// The code of a folder's files, without their unit tests.
fn code(folder: &str) -> Vec<String> {
    let folder = tools::workspace().join("shared/src").join(folder);
    let files = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| path.extension().is_some_and(|is| is == "rs"));
    let texts = sources.map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .map(|text| text.split("#[cfg(test)]").next().unwrap().to_owned())
        .collect()
}

/// What stands in `folder` right after these words, up to `end`; spaces and lines between do not count.
fn after(folder: &str, words: &[&str], end: char) -> Vec<String> {
    let mut found = Vec::new();
    for code in code(folder) {
        for word in words {
            let rest = code.split(word).skip(1);
            found.extend(rest.map(|rest| rest.trim_start().split(end).next().unwrap().to_owned()));
        }
    }
    found
}

#[test]
fn the_crash_matrix_knows_every_step() {
    let mut named = after(
        "store",
        &[".run(", ".fenced(", ".with_claims(", ".one_json("],
        ',',
    );
    named.append(&mut after("clients", &["call("], ','));
    named.append(&mut after("aws", &["step("], ','));
    // A name that is handed through comes from the caller.
    named.retain(|argument| !matches!(argument.as_str(), "name" | "name: &str"));
    for vendor in ["\"resend.", "\"mobizon.", "\"amocrm."] {
        let what = after("clients", &[vendor], '"');
        named.extend(what.iter().map(|what| format!("{vendor}{what}\"")));
    }
    // Those of `call` were found twice.
    named.sort();
    named.dedup_by(|one, other| one == other && one.contains('.'));
    let steps = STEPS.iter().flat_map(|(_, _, steps)| steps.iter());
    let known: BTreeSet<String> = steps
        .chain(&NOT_OF_A_FUNCTION)
        .map(|step| format!("\"{step}\""))
        .collect();
    assert_eq!(
        named,
        Vec::from_iter(known),
        "the names in shared/src, each once, beside points.rs"
    );
}

#[test]
fn what_ci_looks_for_in_a_release_stands_in_every_armed_binary() {
    let check = std::fs::read_to_string(tools::workspace().join("tests/sam-build.sh")).unwrap();
    assert!(check.contains(&format!("FAILPOINT_MARK={MARK}")));
    let holds = |path: &Path| {
        let binary = std::fs::read(path).unwrap();
        binary.windows(MARK.len()).any(|bytes| bytes == MARK.as_bytes())
    };
    run(async {
        for function in ["intake", "deliver", "crm", "track", "sweep"] {
            let armed = binaries_with_failpoints().await.join(function);
            let plain = binaries().await.join(function);
            assert_eq!((holds(&armed), holds(&plain)), (true, false), "{function}");
        }
    });
}
