//! The test page: bytes, first paint, response to a person, animation.
//!
//! Chromium is as slow as Lighthouse's phone on a slow 4G, except that DevTools delays answers and not connecting:
//! a first visit from afar adds the round trips of DNS, TCP and TLS.

use crate::Error;
use crate::browser::{Size, Tab};
use crate::figure::{Figure, table};
use crate::site;
use ::page::files::{Content, FILES};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// One option a question.
pub(crate) const ANSWERS: [usize; 12] = [0, 3, 1, 2, 0, 1, 3, 2, 1, 0, 2, 3];

const RUNS: usize = 5;
const PHONE: Size = (360, 740);
const DESKTOP: Size = (1440, 900);
const WATCHED: Duration = Duration::from_secs(5);
/// The animation starts, and what loading left is done.
const SETTLED: Duration = Duration::from_secs(1);
/// The last interaction is painted and reported.
const REPORTED: Duration = Duration::from_millis(500);
const DIR: &str = "target/bench";

const ALL_MAX_BYTES: f64 = 30.0 * 1024.0;
const FIRST_VIEW_MAX_BYTES: f64 = 12.5 * 1024.0;
const LCP_MAX_MS: f64 = 1500.0;
const INTERACTION_MAX_MS: f64 = 100.0;
const FRAMES_MIN_PER_SECOND: f64 = 55.0;
const SCRIPT_MAX_MS: f64 = 2.0;

/// Runs before the page's own scripts. Of events the browser reports those that took 16 ms or more, in steps of 8;
/// only what a person does has an `interactionId`.
const WATCH: &str = "
    window.watched = {lcp: null, shift: 0, interaction: 0, frames: 0};
    const request = window.requestAnimationFrame;
    window.requestAnimationFrame = (callback) => {
        window.watched.frames += 1;
        return request.call(window, callback);
    };
    const observe = (options, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
        .observe({...options, buffered: true});
    observe({type: 'largest-contentful-paint'}, (entry) => watched.lcp = entry.startTime);
    observe({type: 'layout-shift'}, (entry) => watched.shift += entry.hadRecentInput ? 0 : entry.value);
    observe({type: 'event', durationThreshold: 16}, (entry) => {
        if (!entry.interactionId) return;
        watched.interaction = Math.max(watched.interaction, entry.duration);
    });
";

/// Measures, prints the table and writes `target/bench/page.json`, below the current directory.
pub async fn run() -> Result<(), Error> {
    let url = format!("{}/proftest/bench", site::start().await?);
    let profile = Path::new(DIR).join("profile");
    let tab = Tab::start(&profile, DESKTOP, WATCH).await?;
    let chromium = tab.version().await?;
    tab.leave().await?;
    let mut figures = bytes();
    for size in [PHONE, DESKTOP] {
        figures.extend(loads(&profile, &url, size).await?);
    }
    figures.extend(animation(&profile, &url).await?);
    println!("{chromium}, medians of {RUNS} runs\n{}", table(&figures));
    std::fs::create_dir_all(DIR)?;
    let report = json!({"chromium": chromium, "runs": RUNS, "figures": figures});
    std::fs::write(Path::new(DIR).join("page.json"), format!("{report:#}\n"))?;
    Ok(())
}

fn bytes() -> Vec<Figure> {
    let mut figures = Vec::new();
    for coding in ["br", "gzip"] {
        let size = |content: &Content| {
            let sent = content.encodings.iter().find(|(name, _)| *name == coding);
            sent.map_or(content.plain, |(_, bytes)| *bytes).len()
        };
        let first = size(FILES.document(""));
        let code = FILES.assets.iter().map(|(_, asset)| asset);
        let code = code.filter(|asset| {
            ["javascript", "css"]
                .iter()
                .any(|kind| asset.media_type.contains(kind))
        });
        let all = first + code.map(size).sum::<usize>();
        for (name, bytes, target) in [
            ("first view", first, FIRST_VIEW_MAX_BYTES),
            ("HTML, CSS and JavaScript", all, ALL_MAX_BYTES),
        ] {
            let bytes = u32::try_from(bytes).map_or(f64::NAN, f64::from);
            figures.push(Figure::new(name, coding, &[bytes], "bytes").at_most(target));
        }
    }
    figures
}

/// Paint, shifts and interactions of the whole test, on a slow phone's network and processor.
async fn loads(profile: &Path, url: &str, size: Size) -> Result<Vec<Figure>, Error> {
    let (mut paints, mut shifts, mut interactions) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let tab = Tab::start(profile, size, WATCH).await?;
        tab.slow_down().await?;
        tab.open(url).await?;
        tab.until("watched.lcp !== null").await?;
        walk(&tab).await?;
        tokio::time::sleep(REPORTED).await;
        let watched = tab.eval("watched").await?;
        paints.push(number(&watched["lcp"]));
        shifts.push(number(&watched["shift"]));
        interactions.push(number(&watched["interaction"]));
        tab.leave().await?;
    }
    let conditions = format!("{}×{}, slow 4G, CPU ÷ 4", size.0, size.1);
    let at_most =
        |name, runs: &[f64], unit, target| Figure::new(name, &conditions, runs, unit).at_most(target);
    Ok(vec![
        at_most("largest contentful paint", &paints, "ms", LCP_MAX_MS),
        at_most("layout shift", &shifts, "", 0.0),
        at_most("slowest interaction", &interactions, "ms", INTERACTION_MAX_MS),
    ])
}

/// All questions, the form sent empty and then filled in, the result.
async fn walk(tab: &Tab) -> Result<(), Error> {
    tab.press("#begin").await?;
    for (question, option) in ANSWERS.iter().enumerate() {
        let shown = format!(
            "document.getElementById('q{}').checkVisibility({{visibilityProperty: true}})",
            question + 1
        );
        tab.until(&shown).await?;
        let option = option + 1;
        tab.press(&format!(".question:not([hidden]) .option:nth-child({option})"))
            .await?;
        tab.until(&format!("!{shown}")).await?;
    }
    tab.press("#send").await?;
    tab.until("document.getElementById('consent-error').textContent !== ''")
        .await?;
    tab.types("#name", "Айгерим").await?;
    tab.types("#email", "aigerim@example.com").await?;
    tab.types("#phone", "87010000000").await?;
    tab.key("Tab").await?;
    tab.press("#consent").await?;
    tab.press("#send").await?;
    tab.until("document.getElementById('result').checkVisibility()")
        .await
}

/// The background on a desktop, nothing slowed down.
async fn animation(profile: &Path, url: &str) -> Result<Vec<Figure>, Error> {
    let (mut rates, mut scripts) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let tab = Tab::start(profile, DESKTOP, WATCH).await?;
        tab.open(url).await?;
        tokio::time::sleep(SETTLED).await;
        let now = "[watched.frames, performance.now()]";
        let (script, before) = (tab.script_seconds().await?, tab.eval(now).await?);
        tokio::time::sleep(WATCHED).await;
        let (after, script) = (tab.eval(now).await?, tab.script_seconds().await? - script);
        let passed = |at: usize| number(&after[at]) - number(&before[at]);
        rates.push(passed(0) * 1000.0 / passed(1));
        scripts.push(script * 1000.0 / passed(0));
        tab.leave().await?;
    }
    let conditions = format!("{}×{}", DESKTOP.0, DESKTOP.1);
    let (name, target) = ("animation frames", FRAMES_MIN_PER_SECOND);
    Ok(vec![
        Figure::new(name, &conditions, &rates, "/s").at_least(target),
        Figure::new("script of a frame", &conditions, &scripts, "ms").at_most(SCRIPT_MAX_MS),
    ])
}

/// NaN, which meets no target, where the page gave no number.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
