//! Resend: the key and the sender's domain.

use super::Findings;
use super::ask::{ask, rate_limited, unreachable};
use proftest::config;
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// Tries the key with `GET /domains`. That call refuses a key with «Sending access» by name, which proves that the
/// key is known.
pub(super) async fn examine(http: &Client, settings: &config::Resend, findings: &mut Findings) {
    let Some(domain) = domain(&settings.from) else {
        findings.wrong("EMAIL_FROM is malformed: it must be `Name <address@domain>`, or an address alone");
        return;
    };
    let request = http
        .get(format!("{}/domains", settings.base_url))
        .query(&[("limit", "100")])
        .bearer_auth(settings.api_key.expose_secret());
    let answer = match ask(request).await {
        Ok(answer) => answer,
        Err(why) => return findings.wrong(unreachable("Resend", &why, "RESEND_BASE_URL")),
    };
    let name = answer.body["name"].as_str().unwrap_or_default();
    match (answer.status, name) {
        (200, _) => {
            findings.ok("the key is accepted; one with «Sending access» alone would do");
            verified(&answer.body, &domain, findings);
        }
        (401, "restricted_api_key") => {
            findings.ok("the key is accepted, and may only send, as it should");
            findings.note(format!(
                "such a key cannot see domains: look whether {domain} is «Verified» at resend.com/domains"
            ));
        }
        (429, _) => findings.note(rate_limited("Resend")),
        (400 | 401 | 403, _) => findings.wrong(
            "the key is refused: make a new one at resend.com/api-keys and put it into RESEND_API_KEY",
        ),
        (status, _) => findings.wrong(format!(
            "Resend answered {status}: see resend-status.com, and run doctor again"
        )),
    }
}

fn verified(list: &Value, domain: &str, findings: &mut Findings) {
    let own = list["data"].as_array().into_iter().flatten();
    let mut own = own.filter(|one| {
        one["name"]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(domain))
    });
    match own.next().and_then(|one| one["status"].as_str()) {
        Some("verified") => findings.ok(format!("{domain} is verified")),
        Some(status) => {
            let status: String = status.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            findings.wrong(format!(
                "{domain} is «{status}»: set the DNS records that resend.com/domains shows, and press «Verify»"
            ));
        }
        None if domain == "resend.dev" => {
            findings.note("resend.dev sends only to the account's own address: use it for a first try only");
        }
        None if list["has_more"] == true => {
            findings.note(format!("{domain} is not among the first 100 domains: look at resend.com/domains"));
        }
        None => findings.wrong(format!(
            "{domain}, of EMAIL_FROM, is not among the account's domains: add exactly it at resend.com/domains"
        )),
    }
}

/// The domain of `Name <a@b.c>` or `a@b.c`.
fn domain(from: &str) -> Option<String> {
    let address = match from.strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<')?.1,
        None => from,
    };
    let (local, domain) = address.trim().split_once('@')?;
    let good = !local.is_empty() && domain.contains('.') && !domain.contains(['@', ' ', '<', '>']);
    good.then(|| domain.to_ascii_lowercase())
}
