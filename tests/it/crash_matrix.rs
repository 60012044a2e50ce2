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

mod holds;
mod old;
mod points;
mod proofs;
mod reports;
mod rounds;
mod scene;
mod stops;
mod tally;

use futures::StreamExt as _;
use harness::tools;
use harness::world::{binaries, binaries_with_failpoints, run};
use points::{Point, points};
use proftest::config::variable;
use proftest::failpoint::Step;
use rounds::{Armed, Chance, Told};
use scene::{STEPS, Scene};
use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;
use tally::{Tally, drain, head};

const LEADS: usize = 10;
/// Points that are tried side by side: most of their time is waiting.
const SIDE_BY_SIDE: usize = 6;
/// The words of `shared/src/failpoint.rs` that tell an armed binary.
const MARK: &str = "proftest-failpoint";

async fn tally(point: Point, leads: usize, rounds: usize) -> Tally {
    let world = scene::world(point.scene, leads).await;
    let armed = Armed {
        world: &world,
        point,
        chance: Chance::new(&format!("{point:?}")),
        deaths: 0.into(),
    };
    let mut reported = Vec::new();
    if point.function == "receipts" || point.scene == Scene::Unreported {
        reported = reports::send(&world, leads).await;
    }
    let told = if point.function == "receipts" {
        armed.reports(rounds, &reported).await
    } else if point.scene == Scene::Unreported {
        armed.questions(rounds, &reported).await;
        Told::default()
    } else if point.scene == Scene::Suspects {
        armed.proofs(rounds, leads).await
    } else if point.function == "intake" {
        armed.visitors(rounds, leads).await
    } else {
        let saved = scene::save(&world, point.scene, leads).await;
        match point.function {
            "track" => {
                world.as_sent().await;
                armed.clicks(rounds, &saved).await
            }
            "recipient" => stops::stop(&armed, rounds).await,
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
    if point.scene == Scene::Unreported {
        reports::settle(&world).await;
    }
    let miscounted = match point.scene {
        _ if !reported.is_empty() => {
            reports::wrong(&world, &reported, point.scene == Scene::Unreported).await
        }
        _ if point.function == "recipient" => stops::settle(&world, leads).await,
        Scene::OnePhone => holds::settle(&world).await,
        Scene::Old => old::settle(&world, leads).await,
        _ => 0,
    };
    Tally::of(&armed, &told, miscounted).await
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
        println!("{}", head());
        let tallies: Vec<Tally> = futures::stream::iter(points)
            .map(|point| async move {
                let tally = tally(point, leads, rounds).await;
                println!("{tally}");
                tally
            })
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        let total = |count: fn(&Tally) -> usize| tallies.iter().map(count).sum::<usize>();
        println!(
            "\n{} points, {} deaths, {} leads, {rounds} rounds, {:.0} s",
            tallies.len(),
            total(|tally| tally.deaths),
            total(|tally| tally.leads),
            started.elapsed().as_secs_f64(),
        );
        let bad: Vec<String> = tallies
            .iter()
            .filter(|tally| !tally.is_good())
            .map(ToString::to_string)
            .collect();
        assert!(
            !tallies.is_empty() && bad.is_empty(),
            "{}\n{}",
            head(),
            bad.join("\n")
        );
    });
}

#[test]
fn the_crash_matrix_dies_at_every_step_of_every_function() {
    let reached: HashSet<Step> = STEPS
        .iter()
        .flat_map(|(_, _, steps)| steps.iter().copied())
        .collect();
    assert_eq!(reached, Step::ALL.iter().copied().collect());
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
        for function in [
            "intake",
            "deliver",
            "crm",
            "track",
            "receipts",
            "recipient",
            "sweep",
        ] {
            let armed = binaries_with_failpoints().await.join(function);
            let plain = binaries().await.join(function);
            assert_eq!((holds(&armed), holds(&plain)), (true, false), "{function}");
        }
    });
}
