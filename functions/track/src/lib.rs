//! `GET /api/landing/track/{leadId}?source=email|sms` and `GET /l/{code}`: counts a click and redirects to the
//! course. A slash too many changes nothing.
//!
//! The redirect always happens. For an unknown lead or source, a HEAD request or a database that is down, nothing is
//! counted. The target is configured; of the request only a well-formed lead id and one of two known words get into
//! it.

use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt as _, Response};
use percent_encoding::percent_decode_str;
use proftest::config;
use proftest::domain::delivery::Channel;
use proftest::domain::ids::{ClickId, LeadId, ShortCode};
use proftest::http::{header_text, redirect, segments};
use proftest::store::{Click, Store, StoreError, Target};
use std::time::Duration;
use url::Url;

/// How long counting may delay the redirect.
const DATABASE_DEADLINE: Duration = Duration::from_millis(1500);
/// Characters kept of the user agent.
const USER_AGENT_MAX_CHARS: usize = 256;

pub struct App {
    store: Store,
    course: Url,
}

impl App {
    /// Prepares the store without opening a connection.
    pub fn new(config: &config::Track) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            course: config.course.clone(),
        })
    }

    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// Counts the click, if it is one, and redirects.
pub async fn handle(app: &App, request: &Request) -> Response<Body> {
    let link = Link::parse(request);
    let (mut lead, mut source) = (link.lead, link.source);
    if let (Some(target), &Method::GET) = (link.target(), request.method()) {
        let click = Click {
            id: ClickId::new(),
            target,
            user_agent: user_agent(request),
        };
        match app.store.record_click(&click).await {
            Ok(Some(clicked)) => {
                tracing::info!(lead.id = %clicked.lead, source = clicked.source.as_str(), "Clicked");
                (lead, source) = (Some(clicked.lead), Some(clicked.source));
            }
            Ok(None) => tracing::info!("A click on a link that is not ours"),
            Err(error) => {
                tracing::error!(
                    error = proftest::failure::chain(&error),
                    "A click could not be counted"
                );
            }
        }
    }
    redirect(&course(&app.course, lead, source))
}

/// The parameters of a tracked link.
#[derive(Debug, Default, PartialEq, Eq)]
struct Link {
    code: Option<ShortCode>,
    lead: Option<LeadId>,
    source: Option<Channel>,
}

impl Link {
    fn parse(request: &Request) -> Self {
        let path = percent_decode_str(request.raw_http_path()).decode_utf8_lossy();
        let lead = match segments(&path)[..] {
            // Only an SMS has a short link, so the visitor's tag is right even without a look-up of the code.
            ["l", ref rest @ ..] => {
                let code = rest.split_first().filter(|(_, more)| is_tail(more));
                return Self {
                    code: code.and_then(|(code, _)| ShortCode::parse(linked(code, ""))),
                    source: Some(Channel::Sms),
                    lead: None,
                };
            }
            ["api", "landing", "track", lead, ref more @ ..] => {
                LeadId::parse(linked(lead, "-")).filter(|_| is_tail(more))
            }
            _ => None,
        };
        let query = request.query_string_parameters();
        let source = query.first("source");
        Self {
            lead,
            source: source.and_then(|source| Channel::parse(linked(source, ""))),
            code: None,
        }
    }

    fn target(&self) -> Option<Target> {
        match (&self.code, self.lead, self.source) {
            (Some(code), _, _) => Some(Target::Code(code.clone())),
            (None, Some(lead), Some(source)) => Some(Target::Lead(lead, source)),
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

/// The course's URL, with tags that identify the visitor to its analytics.
fn course(base: &Url, lead: Option<LeadId>, source: Option<Channel>) -> Url {
    let mut url = base.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(source) = source {
            query.append_pair("utm_source", source.as_str());
        }
        query.append_pair("utm_campaign", "proftest");
        if let Some(lead) = lead {
            query.append_pair("lead_id", &lead.to_string());
        }
    }
    url
}

fn user_agent(request: &Request) -> Option<String> {
    let raw = header_text(request.headers(), "user-agent")?;
    Some(raw.chars().take(USER_AGENT_MAX_CHARS).collect())
}
