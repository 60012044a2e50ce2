//! Settings of the guard.

use super::{ConfigError, Env};
use crate::domain::guard::GuardKey;
use crate::domain::limits::Limits;
use secrecy::SecretString;

#[derive(Clone)]
pub struct Guard {
    /// `GUARD_KEY`: for the hashes of contacts and addresses, and for what the page carries; at least 32 characters.
    pub key: GuardKey,
    pub limits: Limits,
    /// `CONSENT`: who must send a consent.
    pub consent: Asked,
    /// `CHALLENGE`: who gets a proof of work to solve.
    pub challenge: Asked,
    /// `ADDRESS_LIMITS`: whether the limits of network addresses hold messages.
    pub addresses: Addresses,
    /// `BEHIND_CLOUDFRONT`: `yes` when the page's API is reached through CloudFront.
    pub behind_cloudfront: bool,
}

/// Of whom something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Nobody,
    /// Who posts from our own page.
    Page,
    /// Everybody, also who posts to the API.
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Counted and told; nothing is held.
    Shadow,
    On,
}

impl Guard {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let key = env.required(
            "GUARD_KEY",
            "a random text of at least 32 characters, such as `openssl rand -hex 32` makes",
        )?;
        let weak = |_| ConfigError::Malformed {
            name: "GUARD_KEY",
            must_be: "at least 32 characters",
        };
        Ok(Self {
            key: GuardKey::new(&SecretString::from(key)).map_err(weak)?,
            limits: limits(env)?,
            consent: one_of(
                env,
                "CONSENT",
                "page or always",
                &[("page", Asked::Page), ("always", Asked::Always)],
            )?,
            challenge: one_of(
                env,
                "CHALLENGE",
                "page, always or off",
                &[
                    ("page", Asked::Page),
                    ("always", Asked::Always),
                    ("off", Asked::Nobody),
                ],
            )?,
            addresses: one_of(
                env,
                "ADDRESS_LIMITS",
                "shadow or on",
                &[("shadow", Addresses::Shadow), ("on", Addresses::On)],
            )?,
            behind_cloudfront: behind_cloudfront(env)?,
        })
    }
}

/// `LIMITS` and `SMS_COUNTRIES`.
pub fn limits(env: &Env<'_>) -> Result<Limits, ConfigError> {
    let limits = budgets(env)?;
    let Some(countries) = env.optional("SMS_COUNTRIES") else {
        return Ok(limits);
    };
    let countries: Vec<String> = countries
        .split(',')
        .map(|country| country.trim().to_uppercase())
        .collect();
    if countries
        .iter()
        .any(|country| !["KZ", "RU", "KG", "UZ", "BY", "OTHER"].contains(&country.as_str()))
    {
        return Err(ConfigError::Malformed {
            name: "SMS_COUNTRIES",
            must_be: "some of KZ, RU, KG, UZ, BY and other, separated by commas",
        });
    }
    let as_written = |country: String| {
        if country == "OTHER" {
            "other".to_owned()
        } else {
            country
        }
    };
    Ok(limits.with_countries(countries.into_iter().map(as_written).collect()))
}

/// `LIMITS` alone, for a reader that sends nothing.
pub(super) fn budgets(env: &Env<'_>) -> Result<Limits, ConfigError> {
    let malformed = |_| ConfigError::Malformed {
        name: "LIMITS",
        must_be: "off, or changes such as sms.day=5000,phone.day=3 with the names of docs/limits.md and numbers of at least 1",
    };
    Limits::parse(&env.optional("LIMITS").unwrap_or_default()).map_err(malformed)
}

/// `BEHIND_CLOUDFRONT`.
pub(super) fn behind_cloudfront(env: &Env<'_>) -> Result<bool, ConfigError> {
    let words = [("no", false), ("yes", true)];
    one_of(env, "BEHIND_CLOUDFRONT", "no or yes", &words)
}

/// The first word is the default.
pub(super) fn one_of<T: Copy>(
    env: &Env<'_>,
    name: &'static str,
    must_be: &'static str,
    words: &[(&str, T)],
) -> Result<T, ConfigError> {
    let raw = env.optional(name);
    let chosen = match &raw {
        None => words.first(),
        Some(raw) => words.iter().find(|(word, _)| raw == word),
    };
    chosen
        .map(|(_, value)| *value)
        .ok_or(ConfigError::Malformed { name, must_be })
}
