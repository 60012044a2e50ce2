//! Settings of Cloudflare Turnstile, the optional second level of the challenge.

use super::{ConfigError, Env, PUBLIC_BASE_URL};
use secrecy::SecretString;
use url::Url;

#[derive(Clone)]
pub struct Turnstile {
    /// `TURNSTILE_SITE_KEY`: the page shows the widget with it.
    pub site_key: String,
    /// `TURNSTILE_SECRET_KEY`: both keys or none.
    pub secret_key: SecretString,
    /// `TURNSTILE_HOSTNAMES`: the hosts of the pages, separated by commas; the host of `PUBLIC_BASE_URL` when absent.
    pub hostnames: Vec<String>,
    /// `TURNSTILE_BASE_URL`: default `https://challenges.cloudflare.com`.
    pub base_url: String,
}

impl Turnstile {
    /// `None` without both keys.
    pub fn read(env: &Env<'_>) -> Result<Option<Self>, ConfigError> {
        let (site_key, secret_key) = (
            env.optional("TURNSTILE_SITE_KEY"),
            env.optional("TURNSTILE_SECRET_KEY"),
        );
        let base_url = env.base_url("TURNSTILE_BASE_URL", "https://challenges.cloudflare.com")?;
        let hostnames = hostnames(env)?;
        let missing = |name| ConfigError::Missing {
            name,
            hint: "Turnstile needs both TURNSTILE_SITE_KEY and TURNSTILE_SECRET_KEY, or neither",
        };
        match (site_key, secret_key) {
            (None, None) => Ok(None),
            (None, _) => Err(missing("TURNSTILE_SITE_KEY")),
            (_, None) => Err(missing("TURNSTILE_SECRET_KEY")),
            (Some(site_key), Some(secret_key)) => Ok(Some(Self {
                site_key,
                secret_key: secret_key.into(),
                hostnames,
                base_url,
            })),
        }
    }
}

fn hostnames(env: &Env<'_>) -> Result<Vec<String>, ConfigError> {
    let public = env.base_url("PUBLIC_BASE_URL", PUBLIC_BASE_URL)?;
    let own = Url::parse(&public)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let Some(raw) = env.optional("TURNSTILE_HOSTNAMES") else {
        return Ok(own.into_iter().collect());
    };
    let names: Vec<String> = raw.split(',').map(|name| name.trim().to_lowercase()).collect();
    let is_name = |name: &String| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        !name.is_empty() && name.chars().all(is_part)
    };
    if names.iter().all(is_name) {
        return Ok(names);
    }
    Err(ConfigError::Malformed {
        name: "TURNSTILE_HOSTNAMES",
        must_be: "host names like test.example.org, separated by commas",
    })
}
