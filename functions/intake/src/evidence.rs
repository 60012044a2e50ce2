//! What is known of a submission besides what it says: who sent it, and from where.

use crate::wire::{Consented, Posted};
use lambda_http::http::HeaderMap;
use proftest::config::{Addresses, Asked, Guard};
use proftest::domain::contact::{Email, Phone};
use proftest::domain::guard::{Consent, Counted, Evidence, Ticket, cut, text_sha256};
use proftest::domain::limits::Limit;
use proftest::http::header_text;
use proftest::texts::Texts;
use std::net::IpAddr;
use std::time::Duration;

/// Characters kept of the user agent.
const USER_AGENT_MAX_CHARS: usize = 256;

/// For one submission at `now`, the time since 1970 by this function's clock.
pub fn collect(
    guard: &Guard,
    (email, phone): (&Email, &Phone),
    posted: &Posted,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    now: Duration,
    texts: &Texts,
) -> Evidence {
    let limits = &guard.limits;
    let asked = |of: Asked| match of {
        Asked::Nobody => false,
        Asked::Page => posted.is_own_page,
        Asked::Always => true,
    };
    let user_agent = header_text(headers, "user-agent");
    let has_ticket = posted
        .ticket
        .as_deref()
        .is_some_and(|ticket| Ticket::is_good(&guard.key, ticket, now));
    Evidence {
        country: Some(phone.country().as_str()),
        is_mobile: phone.is_mobile(),
        email_key: Some(guard.key.email(email)),
        phone_key: Some(guard.key.phone(phone)),
        hold: (posted.consent.is_none() && asked(guard.consent)).then_some("consent"),
        consent: posted
            .consent
            .as_ref()
            .map(|consent| agreed(consent, posted, texts)),
        address: address.map(cut),
        user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_MAX_CHARS).collect()),
        counted: counted(guard, phone, address),
        addresses_count: guard.addresses == Addresses::On,
        may_challenge: limits.is_on() && asked(guard.challenge),
        is_suspicious: !has_ticket,
        pair_soft: limits.get(Limit::PairSoft),
    }
}

fn counted(guard: &Guard, phone: &Phone, address: Option<IpAddr>) -> Vec<Counted> {
    let (key, limits) = (&guard.key, &guard.limits);
    if !limits.is_on() {
        return Vec::new();
    }
    let addresses = address.map(|address| Counted::addresses(key, limits, address));
    let mut counted = addresses.unwrap_or_default();
    counted.push(Counted::block(key, limits, phone));
    counted
}

fn agreed(consent: &Consented, posted: &Posted, texts: &Texts) -> Consent {
    // We do not know what text a caller's version stands for.
    let version = consent.version.as_deref().filter(|_| posted.is_own_page);
    Consent {
        collected_by: if posted.is_own_page { "page" } else { "caller" },
        email: consent.email,
        sms: consent.sms,
        text_sha256: version.and_then(|version| text_sha256(texts, version)),
        text_version: consent.version.clone(),
        language: consent.language.clone(),
        page: posted.page.clone(),
    }
}
