//! Keeping hits.

use super::pool::{Store, StoreError};
use super::types::param;
use crate::domain::delivery::Channel;
use crate::domain::guard;
use crate::domain::hit::{Headers, Hit, RULES_VERSION, Rule, Verdict, judge};
use crate::domain::ids::{ClickId, LeadId, ShortCode};
use crate::failpoint::Step;
use std::net::IpAddr;
use tokio_postgres::types::Json;

/// Characters kept of the user agent, and of the method.
const USER_AGENT_MAX_CHARS: usize = 1024;
const METHOD_MAX_CHARS: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/l/{code}`: the code determines lead and channel.
    Code(ShortCode),
    /// `/api/landing/track/{leadId}?source=…`.
    Lead(LeadId, Channel),
}

/// A hit as it is kept. Recording the same one twice counts once.
#[derive(Clone)]
pub struct NewHit {
    id: ClickId,
    target: Target,
    rule: Rule,
    method: String,
    user_agent: Option<String>,
    address: Option<IpAddr>,
    headers: Headers,
}

impl NewHit {
    /// Judges the hit, and only then cuts what is too long to be kept.
    pub fn new(target: Target, hit: &Hit<'_>) -> Self {
        let cut = |text: &str, most| text.chars().take(most).collect();
        Self {
            id: ClickId::new(),
            target,
            rule: judge(hit),
            method: cut(hit.method, METHOD_MAX_CHARS),
            user_agent: hit.user_agent.map(|agent| cut(agent, USER_AGENT_MAX_CHARS)),
            address: hit.address,
            headers: hit.headers.clone(),
        }
    }
}

/// Whose hit it was, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub id: ClickId,
    pub lead: LeadId,
    pub channel: Channel,
    pub verdict: Verdict,
    pub rule: Rule,
    /// As the lead's row has them: texts of a stranger.
    pub source: String,
    pub campaign: Option<String>,
}

impl Store {
    /// Keeps a hit. `None`: the id or code is unknown, and nothing was kept.
    pub async fn record_hit(&self, hit: &NewHit) -> Result<Option<Recorded>, StoreError> {
        let (code, lead, channel) = match &hit.target {
            Target::Code(code) => (Some(code), None, None),
            Target::Lead(lead, channel) => (None, Some(lead), Some(channel)),
        };
        let (verdict, gives_way) = (hit.rule.verdict(), hit.rule.gives_way_to_time());
        let headers = Json(hit.headers.to_json());
        let address = hit.address.map(|address| address.to_string());
        let network = hit.address.map(guard::cut);
        let params = [
            param(&hit.id),
            param(&code),
            param(&lead),
            param(&channel),
            param(&hit.rule),
            param(&verdict),
            param(&gives_way),
            param(&RULES_VERSION),
            param(&hit.method),
            param(&hit.user_agent),
            param(&address),
            param(&network),
            param(&headers),
        ];
        self.first(Step::Hit, include_str!("hit.sql"), &params, |row| {
            Ok(Recorded {
                id: hit.id,
                lead: row.try_get("lead_id")?,
                channel: row.try_get("channel")?,
                verdict: row.try_get("verdict")?,
                rule: row.try_get("rule")?,
                source: row.try_get("source")?,
                campaign: row.try_get("campaign")?,
            })
        })
        .await
    }
}
