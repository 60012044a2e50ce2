use serde::Deserialize;
use std::collections::BTreeMap;

/// What stands below `/proftest/` and is no campaign.
const RESERVED: [&str; 2] = ["assets", "privacy"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaigns {
    /// The page's public address, without a trailing slash.
    pub public_url: String,
    /// The policy that the visitor agrees to.
    pub policy_url: String,
    /// By slug; only campaigns that differ from the others.
    #[serde(rename = "campaigns")]
    pub listed: BTreeMap<String, Campaign>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Id of a Meta Pixel.
    meta: Option<String>,
    /// Id of a Yandex Metrica counter.
    yandex: Option<String>,
    /// A policy of its own.
    policy_url: Option<String>,
}

/// Additions to the Content-Security-Policy, with a space before every host.
#[derive(Default)]
struct Hosts {
    scripts: String,
    images: String,
    connections: String,
}

/// The Content-Security-Policy. Inline code is allowed by its hash only (`scripts` and `style` are the hash sources),
/// the pixels' hosts only for campaigns with pixels.
pub fn policy(campaign: Option<&Campaign>, scripts: &str, style: &str) -> String {
    let has_pixels = campaign.is_some_and(Campaign::has_pixels);
    let hosts = campaign.map(Campaign::hosts).unwrap_or_default();
    let mut policy = format!(
        "default-src 'none'; script-src 'self' {scripts}{}; style-src {style}; img-src 'self'{}; \
         connect-src 'self'{}; manifest-src 'self'; worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hosts.scripts, hosts.images, hosts.connections,
    );
    if !has_pixels {
        // The pixels build script elements from strings, which this directive forbids. The page's one rule, `worker`, makes
        // the address of the worker, whatever it is given.
        policy.push_str("; require-trusted-types-for 'script'; trusted-types worker");
    }
    policy
}

impl Campaigns {
    pub fn read(toml: &str) -> Result<Self, String> {
        let campaigns: Self = toml::from_str(toml).map_err(|error| error.to_string())?;
        let public_url = &campaigns.public_url;
        if !is_plain(public_url) || !public_url.starts_with("https://") {
            return Err("public_url must be an https:// address without a slash at the end".to_owned());
        }
        check_policy(&campaigns.policy_url)?;
        for (slug, campaign) in &campaigns.listed {
            let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if slug.is_empty() || slug.len() > 80 || !slug.chars().all(word) {
                return Err(format!(
                    "campaign {slug:?}: a slug is 1 to 80 of a-z, 0-9, - and _"
                ));
            }
            if RESERVED.contains(&slug.as_str()) {
                return Err(format!("campaign {slug}: /proftest/{slug} is another page"));
            }
            campaign
                .check()
                .map_err(|error| format!("campaign {slug}: {error}"))?;
        }
        Ok(campaigns)
    }
}

impl Campaign {
    fn check(&self) -> Result<(), String> {
        let digits = |id: &str, range: std::ops::RangeInclusive<usize>| {
            range.contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !self.has_pixels() && self.policy_url.is_none() {
            return Err("it has no pixel and no policy of its own, and need not be listed".to_owned());
        }
        if let Some(policy_url) = &self.policy_url {
            check_policy(policy_url)?;
        }
        if self.meta.as_ref().is_some_and(|id| !digits(id, 10..=20)) {
            return Err("meta must be 10 to 20 digits in quotes".to_owned());
        }
        if self.yandex.as_ref().is_some_and(|id| !digits(id, 5..=12)) {
            return Err("yandex must be 5 to 12 digits in quotes".to_owned());
        }
        Ok(())
    }

    const fn has_pixels(&self) -> bool {
        self.meta.is_some() || self.yandex.is_some()
    }

    /// The policy that its visitors agree to.
    pub fn policy_url<'a>(&'a self, others: &'a str) -> &'a str {
        self.policy_url.as_deref().unwrap_or(others)
    }

    /// The pixel ids as attributes of `<html>`, for the script.
    pub fn attributes(&self) -> String {
        let attribute = |name: &str, id: &Option<String>| {
            id.as_ref()
                .map(|id| format!(" data-{name}=\"{id}\""))
                .unwrap_or_default()
        };
        attribute("meta", &self.meta) + &attribute("yandex", &self.yandex)
    }

    /// The checkbox that allows the pixels, if there are any.
    pub fn tick(&self) -> String {
        if !self.has_pixels() {
            return String::new();
        }
        let receivers = match (&self.meta, &self.yandex) {
            (Some(_), Some(_)) => "Meta и&nbsp;Яндекс.Метрике",
            (Some(_), None) => "Meta",
            _ => "Яндекс.Метрике",
        };
        format!(
            "<p class=\"field check\"><label><input id=\"ads\" type=\"checkbox\"><span>Разрешаю сообщить {receivers} о&nbsp;том, \
             что тест пройден (необязательно)</span></label></p>"
        )
    }

    /// The hosts that the pixels load from and send to. Sources: Yandex Metrica's help on Content-Security-Policy;
    /// the requests of Meta's `fbevents.js`.
    fn hosts(&self) -> Hosts {
        let mut hosts = Hosts::default();
        if self.meta.is_some() {
            hosts.scripts += " https://connect.facebook.net";
            hosts.images += " https://www.facebook.com";
            hosts.connections += " https://www.facebook.com https://connect.facebook.net";
        }
        if self.yandex.is_some() {
            hosts.scripts += " https://mc.yandex.ru https://yastatic.net";
            hosts.images += " https://mc.yandex.ru";
            hosts.connections += " https://mc.yandex.ru";
        }
        hosts
    }
}

fn is_plain(url: &str) -> bool {
    !url.contains(['"', '<', '>', '&', ' ']) && !url.ends_with('/')
}

/// An address of another site, or a path of ours such as the sample's.
fn check_policy(url: &str) -> Result<(), String> {
    let is_ours = url.starts_with('/') && !url.starts_with("//");
    if is_plain(url) && (is_ours || url.starts_with("https://")) {
        return Ok(());
    }
    Err("policy_url must be an https:// address or a path, without a slash at the end".to_owned())
}
