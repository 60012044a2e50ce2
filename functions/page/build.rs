//! Builds the page: fills in the questions, bundles the scripts, names assets by their content, computes the
//! Content-Security-Policy, compresses, and writes the static tables of `src/files.rs`.

#[path = "build/bundle.rs"]
mod bundle;
#[path = "build/campaigns.rs"]
mod campaigns;
#[path = "build/frames.rs"]
mod frames;
#[path = "../../shared/src/domain/quiz/hexagon.rs"]
mod hexagon;
#[path = "build/markup.rs"]
mod markup;
#[path = "build/output.rs"]
mod output;
#[path = "../../shared/build/quiz.rs"]
mod quiz;
#[path = "build/shorten.rs"]
mod shorten;
#[allow(dead_code, reason = "the page shows few of the server's sentences")]
#[path = "../../shared/src/texts.rs"]
mod texts;
#[path = "build/words.rs"]
mod words;

use campaigns::{Campaign, Campaigns};
use output::{Output, digest, policy_hash};
use quiz::Quiz;
use std::path::Path;
use texts::{Locale, texts};

const QUIZ: &str = "../../shared/data/quiz.toml";
const EMAILS: &str = "../../shared/data/emails.json";
const CLICK_IDS: &str = "../../shared/data/click_ids.json";
const CAMPAIGNS: &str = "campaigns.toml";

fn main() {
    for input in [
        "web",
        "build",
        CAMPAIGNS,
        "../../shared/data",
        "../../shared/build",
        "../../shared/src/domain/quiz/hexagon.rs",
        "../../shared/src/texts.rs",
        "../../shared/src/texts",
    ] {
        println!("cargo::rerun-if-changed={input}");
    }
    if let Err(error) = build() {
        println!("cargo::error={error}");
        std::process::exit(1);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "cargo tells a build script in the environment where to write"
)]
fn build() -> Result<(), String> {
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    let quiz = Quiz::read(&read(QUIZ)?).map_err(|error| format!("shared/data/quiz.toml: {error}"))?;
    let campaigns = Campaigns::read(&read(CAMPAIGNS)?)
        .map_err(|error| format!("functions/page/campaigns.toml: {error}"))?;
    let mut output = Output::new(Path::new(&out));
    // Leaves first: an asset comes after those that it names.
    output.asset("icon.svg", read("web/icon.svg")?.trim().as_bytes())?;
    output.asset("robots.txt", read("web/robots.txt")?.as_bytes())?;
    for picture in ["icon.png", "og.png"] {
        let bytes =
            std::fs::read(format!("web/{picture}")).map_err(|error| format!("web/{picture}: {error}"))?;
        output.asset(picture, &bytes)?;
    }
    let manifest = output.with_assets(read("web/site.webmanifest")?.trim())?;
    output.asset("site.webmanifest", manifest.as_bytes())?;
    let widget = bundle::bundle(&["widget.js"])?;
    let script = format!("<script type=\"module\">{widget}</script>");
    let frame = markup::fill(
        &bundle::markup(&read("web/turnstile.html")?),
        &[("script", &script)],
    );
    let policy = frames::turnstile(&policy_hash(&widget));
    output.asset_with("turnstile.html", frame.as_bytes(), Some(&policy))?;
    output.asset_with(
        "worker.js",
        bundle::bundle(&["worker.js"])?.as_bytes(),
        Some(frames::WORKER),
    )?;
    for script in ["particles.js", "pixels.js", "turnstile.js"] {
        let script_text = output.with_assets(&bundle::bundle(&[script])?)?;
        output.asset(script, script_text.as_bytes())?;
    }
    let words = words::Words::read(&read(EMAILS)?, &read(CLICK_IDS)?)?;
    let script = output.with_assets(&words.fill(&bundle::bundle(&bundle::MODULES)?))?;
    let page = Page {
        early: bundle::bundle(&["early.js"])?,
        style: bundle::style(&read("web/style.css")?),
        script: shorten::shorten(&script)?,
        campaigns: &campaigns,
        quiz: &quiz,
    };
    let index = read("web/index.html")?;
    output.document("", &page.render(&index, None, &output)?, &page.policy(None))?;
    for (slug, campaign) in &campaigns.listed {
        let html = page.render(&index, Some(campaign), &output)?;
        output.document(slug, &html, &page.policy(Some(campaign)))?;
    }
    let lost = page.render(&read("web/404.html")?, None, &output)?;
    output.not_found(&lost, &page.policy(None))?;
    let page = Page {
        style: format!("{}\n{}", page.style, bundle::style(&read("web/privacy.css")?)),
        ..page
    };
    let privacy = page.render(&read("web/privacy.html")?, None, &output)?;
    output.privacy(&privacy, &page.policy(None))?;
    output.finish()
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

struct Page<'a> {
    style: String,
    early: String,
    script: String,
    campaigns: &'a Campaigns,
    quiz: &'a Quiz,
}

impl Page<'_> {
    fn render(&self, template: &str, campaign: Option<&Campaign>, output: &Output) -> Result<String, String> {
        let version = digest(format!("{:?}", self.quiz.questions).as_bytes());
        let policy_url = &self.campaigns.policy_url;
        let policy_url = campaign.map_or(policy_url.as_str(), |campaign| campaign.policy_url(policy_url));
        let consent = &texts(Locale::Ru).consents[0];
        let consent = markup::consent(consent.text, consent.link, policy_url)?;
        let filled = markup::fill(
            &bundle::markup(template),
            &[
                ("style", &format!("<style>{}</style>", self.style)),
                ("early", &format!("<script>{}</script>", self.early)),
                (
                    "script",
                    &format!("<script type=\"module\">{}</script>", self.script),
                ),
                ("questions", &markup::questions(self.quiz)),
                ("questions_count", &self.quiz.questions.len().to_string()),
                // The form is the last step.
                ("steps_count", &(self.quiz.questions.len() + 1).to_string()),
                ("quiz_version", &version),
                ("hexagon", &markup::hexagon(self.quiz)),
                ("public_url", &self.campaigns.public_url),
                ("consent", &consent),
                ("pixels", &campaign.map(Campaign::attributes).unwrap_or_default()),
                ("ads", &campaign.map(Campaign::tick).unwrap_or_default()),
            ],
        );
        output.with_assets(&filled)
    }

    fn policy(&self, campaign: Option<&Campaign>) -> String {
        let scripts = format!("{} {}", policy_hash(&self.early), policy_hash(&self.script));
        campaigns::policy(campaign, &scripts, &policy_hash(&self.style))
    }
}
