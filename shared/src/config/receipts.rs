//! Settings of `receipts`: the secrets that vendors sign their reports with.

use super::{ConfigError, Database, Env, Mobizon};
use crate::domain::receipt::{MobizonSecret, ResendSecret};

/// One secret replaces another while both count.
const SECRETS_MAX: usize = 2;

#[derive(Clone)]
pub struct Receipts {
    pub database: Database,
    /// `RESEND_WEBHOOK_SECRETS`: one or two, `whsec_…`, separated by a comma. None: there is no such route.
    pub resend: Vec<ResendSecret>,
    /// `MOBIZON_WEBHOOK_SECRETS`: one or two of at least 32 characters, separated by a comma. None: there is no such route.
    pub mobizon: Vec<MobizonSecret>,
    /// It is asked for what its reports say.
    pub vendor: Mobizon,
}

impl Receipts {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(env)?,
            resend: secrets(
                env,
                "RESEND_WEBHOOK_SECRETS",
                "one or two secrets like whsec_…, as Resend shows them, separated by a comma",
                ResendSecret::parse,
            )?,
            mobizon: secrets(
                env,
                "MOBIZON_WEBHOOK_SECRETS",
                "one or two secrets of 32 to 255 characters without a comma, separated by a comma",
                MobizonSecret::parse,
            )?,
            vendor: Mobizon::read(env)?,
        })
    }
}

fn secrets<T>(
    env: &Env<'_>,
    name: &'static str,
    must_be: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Vec<T>, ConfigError> {
    let raw = env.optional(name).unwrap_or_default();
    if raw.is_empty() {
        return Ok(Vec::new());
    }
    let secrets: Option<Vec<T>> = raw.split(',').map(|secret| parse(secret.trim())).collect();
    secrets
        .filter(|secrets| secrets.len() <= SECRETS_MAX)
        .ok_or(ConfigError::Malformed { name, must_be })
}
