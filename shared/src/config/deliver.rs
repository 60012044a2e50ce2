//! Settings of `deliver`: the vendors of messages, and the links in them.

use super::{ConfigError, Database, Env};
use crate::domain::limits::Limits;
use secrecy::SecretString;

#[derive(Clone)]
pub struct Deliver {
    pub database: Database,
    /// `NOTIFICATIONS_QUEUE_URL`: the queue on which early and refused messages are held.
    pub queue_url: String,
    pub resend: Resend,
    pub mobizon: Mobizon,
    pub links: Links,
    pub limits: Limits,
}

impl Deliver {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(env)?,
            queue_url: super::notifications_queue_url(env)?,
            resend: Resend::read(env)?,
            mobizon: Mobizon::read(env)?,
            links: Links::read(env)?,
            limits: super::limits(env)?,
        })
    }
}

#[derive(Clone)]
pub struct Resend {
    /// `RESEND_API_KEY`: may be one with «Sending access».
    pub api_key: SecretString,
    /// `RESEND_BASE_URL`: default `https://api.resend.com`.
    pub base_url: String,
    /// `EMAIL_FROM`: `Name <address>`, with a domain verified at Resend.
    pub from: String,
}

impl Resend {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            api_key: env
                .required("RESEND_API_KEY", "the API key of Resend, re_…")?
                .into(),
            base_url: env.base_url("RESEND_BASE_URL", "https://api.resend.com")?,
            from: env
                .optional("EMAIL_FROM")
                .unwrap_or_else(|| "OnAI Academy <noreply@onai.academy>".to_owned()),
        })
    }
}

#[derive(Clone)]
pub struct Mobizon {
    /// `MOBIZON_API_KEY`: sent as a query parameter.
    pub api_key: SecretString,
    /// `MOBIZON_BASE_URL`: default `https://api.mobizon.kz`.
    pub base_url: String,
    /// `MOBIZON_SENDER`: a registered sender; when absent, Mobizon's shared one.
    pub sender: Option<String>,
}

impl Mobizon {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            api_key: env.required("MOBIZON_API_KEY", "the API key of Mobizon")?.into(),
            base_url: env.base_url("MOBIZON_BASE_URL", "https://api.mobizon.kz")?,
            sender: env.optional("MOBIZON_SENDER"),
        })
    }
}

/// Where the functions are reachable, unless it is set.
pub(super) const PUBLIC_BASE_URL: &str = "https://api.onai.academy";

/// The bases of the links in messages. Every link we send is a tracked link.
#[derive(Clone)]
pub struct Links {
    /// `PUBLIC_BASE_URL`: default `https://api.onai.academy`.
    pub public: String,
    /// `SHORT_LINK_BASE_URL`: `PUBLIC_BASE_URL` when absent.
    pub short: String,
}

impl Links {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let public = env.base_url("PUBLIC_BASE_URL", PUBLIC_BASE_URL)?;
        let short = env.base_url("SHORT_LINK_BASE_URL", &public)?;
        Ok(Self { public, short })
    }
}
