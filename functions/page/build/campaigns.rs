use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaigns {
    /// The page's public address, without a trailing slash.
    pub public_url: String,
    /// The policy that the visitor agrees to.
    pub policy_url: String,
    /// By slug; only campaigns with pixels.
    #[serde(rename = "campaigns")]
    pub with_pixels: BTreeMap<String, Campaign>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Id of a Meta Pixel.
    meta: Option<String>,
    /// Id of a Yandex Metrica counter.
    yandex: Option<String>,
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
    let hosts = campaign.map(Campaign::hosts).unwrap_or_default();
    let mut policy = format!(
        "default-src 'none'; script-src 'self' {scripts}{}; style-src {style}; img-src 'self'{}; \
         connect-src 'self'{}; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hosts.scripts, hosts.images, hosts.connections,
    );
    if campaign.is_none() {
        // The pixels build script elements from strings, which this directive forbids.
        policy.push_str("; require-trusted-types-for 'script'; trusted-types 'none'");
    }
    policy
}

impl Campaigns {
    pub fn read(toml: &str) -> Result<Self, String> {
        let campaigns: Self = toml::from_str(toml).map_err(|error| error.to_string())?;
        for (name, url) in [
            ("public_url", &campaigns.public_url),
            ("policy_url", &campaigns.policy_url),
        ] {
            let plain = url.starts_with("https://") && !url.contains(['"', '<', '>', '&', ' ']);
            if !plain || url.ends_with('/') {
                return Err(format!(
                    "{name} must be an https:// address without a slash at the end"
                ));
            }
        }
        for (slug, campaign) in &campaigns.with_pixels {
            let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if slug.is_empty() || slug.len() > 80 || !slug.chars().all(word) {
                return Err(format!(
                    "campaign {slug:?}: a slug is 1 to 80 of a-z, 0-9, - and _"
                ));
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
        if self.meta.is_none() && self.yandex.is_none() {
            return Err("it has no pixel, and need not be listed".to_owned());
        }
        if self.meta.as_ref().is_some_and(|id| !digits(id, 10..=20)) {
            return Err("meta must be 10 to 20 digits in quotes".to_owned());
        }
        if self.yandex.as_ref().is_some_and(|id| !digits(id, 5..=12)) {
            return Err("yandex must be 5 to 12 digits in quotes".to_owned());
        }
        Ok(())
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

    /// The checkbox that allows the pixels.
    pub fn tick(&self) -> String {
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
