//! `GET /l/{code}` and `GET /api/landing/track/{leadId}?source=email|sms`: keeps the hit with its verdict and redirects. A slash
//! too many changes nothing.
//!
//! The redirect always happens. For an unknown lead or source, or a database that is down, nothing is kept. The targets are
//! configured; of a request only a well-formed code, and of a lead's row only well-formed words get into them.

use lambda_http::{Body, Request, RequestExt as _, Response};
use percent_encoding::percent_decode_str;
use proftest::config::{self, LinkTarget};
use proftest::domain::delivery::Channel;
use proftest::domain::hit::{Headers, Hit};
use proftest::domain::ids::{LeadId, ShortCode};
use proftest::http::{client_address, header_text, redirect, segments};
use proftest::store::{NewHit, Recorded, Store, StoreError, Target};
use std::time::Duration;
use url::Url;

/// How long keeping the hit may delay the redirect.
const DATABASE_DEADLINE: Duration = Duration::from_millis(1500);
/// Source and campaign of a lead that is not known, or has none that may stand in an address.
const DEFAULT_TAG: &str = "proftest";
/// Characters of a word from a lead's row.
const WORD_MAX: usize = 100;

pub struct App {
    store: Store,
    course: Url,
    target: LinkTarget,
    behind_cloudfront: bool,
}

impl App {
    /// Prepares the store without opening a connection.
    pub fn new(config: &config::Track) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            course: config.course.clone(),
            target: config.target,
            behind_cloudfront: config.behind_cloudfront,
        })
    }

    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// Keeps the hit, if it is one, and redirects.
pub async fn handle(app: &App, request: &Request) -> Response<Body> {
    let link = Link::parse(request);
    let recorded = match link.target() {
        Some(target) => record(app, request, target).await,
        None => None,
    };
    match (&link.code, &recorded, app.target) {
        // Only whose code is known has a result to show.
        (Some(code), Some(_), LinkTarget::Result) if !link.to_course => {
            redirect(&format!("/r/{}", code.as_str()))
        }
        _ => redirect(course(&app.course, link.channel, recorded.as_ref()).as_str()),
    }
}

async fn record(app: &App, request: &Request, target: Target) -> Option<Recorded> {
    let headers = request.headers();
    let user_agent = header_text(headers, "user-agent");
    let hit = NewHit::new(
        target,
        &Hit {
            method: request.method().as_str(),
            user_agent: user_agent.as_deref(),
            headers: &Headers::read(|name| header_text(headers, name)),
            address: client_address(request, app.behind_cloudfront),
        },
    );
    match app.store.record_hit(&hit).await {
        Ok(Some(recorded)) => {
            let (verdict, rule) = (recorded.verdict.as_str(), recorded.rule.as_str());
            tracing::info!(lead.id = %recorded.lead, channel = recorded.channel.as_str(), verdict, rule, "Hit");
            Some(recorded)
        }
        Ok(None) => {
            tracing::info!("A hit on a link that is not ours");
            None
        }
        Err(error) => {
            let error = proftest::failure::chain(&error);
            tracing::error!(error, "A hit could not be kept");
            None
        }
    }
}

/// The parameters of a tracked link.
#[derive(Debug, Default, PartialEq, Eq)]
struct Link {
    code: Option<ShortCode>,
    lead: Option<LeadId>,
    /// A code's is only known to the database.
    channel: Option<Channel>,
    /// From the result page on to the course.
    to_course: bool,
}

impl Link {
    fn parse(request: &Request) -> Self {
        let path = percent_decode_str(request.raw_http_path()).decode_utf8_lossy();
        let query = request.query_string_parameters();
        match segments(&path)[..] {
            ["l", ref rest @ ..] => {
                let code = rest.split_first().filter(|(_, more)| is_tail(more));
                Self {
                    code: code.and_then(|(code, _)| ShortCode::parse(linked(code, ""))),
                    to_course: query.first("to").is_some_and(|to| linked(to, "") == "course"),
                    ..Self::default()
                }
            }
            ref path => Self {
                lead: match path {
                    ["api", "landing", "track", lead, more @ ..] => {
                        LeadId::parse(linked(lead, "-")).filter(|_| is_tail(more))
                    }
                    _ => None,
                },
                channel: query
                    .first("source")
                    .and_then(|source| Channel::parse(linked(source, ""))),
                ..Self::default()
            },
        }
    }

    fn target(&self) -> Option<Target> {
        match (&self.code, self.lead, self.channel) {
            (Some(code), _, _) => Some(Target::Code(code.clone())),
            (None, Some(lead), Some(channel)) => Some(Target::Lead(lead, channel)),
            _ => None,
        }
    }
}

/// The part of a link that is ours: ASCII letters, digits and `marks`. Messengers take into a link what the text around it
/// has: a full stop, a bracket, a quote, a letter of another script, a slash. Empty where a path goes on below it.
fn linked<'a>(text: &'a str, marks: &str) -> &'a str {
    let is_ours = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    let text = text.trim_start_matches(|c| !is_ours(c));
    let end = text.find(|c| !is_ours(c)).unwrap_or(text.len());
    let mut below = text[end..].split('/').skip(1);
    if below.any(|segment| segment.starts_with(is_ours)) {
        return "";
    }
    text[..end].trim_end_matches(|c| marks.contains(c))
}

/// Whether the rest of a path is only what stuck to the link.
fn is_tail(more: &[&str]) -> bool {
    !more
        .iter()
        .any(|segment| segment.contains(|c: char| c.is_ascii_alphanumeric()))
}

/// The course's URL, with tags that say where the lead came from and by which message. `click_id` is the hit's: unlike a
/// lead's id it counts nothing when it comes back.
fn course(base: &Url, channel: Option<Channel>, recorded: Option<&Recorded>) -> Url {
    let tag = |text: Option<&str>| {
        text.filter(|text| is_word(text))
            .unwrap_or(DEFAULT_TAG)
            .to_owned()
    };
    let source = tag(recorded.map(|recorded| recorded.source.as_str()));
    let campaign = tag(recorded.and_then(|recorded| recorded.campaign.as_deref()));
    let mut url = base.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("utm_source", &source);
        if let Some(channel) = recorded.map(|recorded| recorded.channel).or(channel) {
            query.append_pair("utm_medium", channel.as_str());
        }
        query.append_pair("utm_campaign", &campaign);
        if let Some(recorded) = recorded {
            query.append_pair("click_id", &recorded.id.to_string());
        }
    }
    url
}

/// Whether a text of a stranger may stand in the course's address.
fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(fits)
}
