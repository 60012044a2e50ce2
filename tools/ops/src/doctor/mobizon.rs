//! Mobizon: the key, the balance and the sender's name.

use super::Findings;
use super::ask::{ask, rate_limited, unreachable};
use proftest::config;
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// Below this only a handful of messages is left, by the account's own price list. SmsBalanceMin in template.yaml is
/// higher: it leaves time for a payment.
const BALANCE_MIN: f64 = 100.0;

/// Tries the key with `user/getownbalance`, then reads `alphaname/list`.
pub(super) async fn examine(http: &Client, settings: &config::Mobizon, findings: &mut Findings) {
    match call(http, settings, "user/getownbalance", &[]).await {
        Ok((0, data)) => {
            findings.ok("the key is accepted");
            balance(&data, findings);
        }
        Ok((8, _)) => {
            return findings.wrong(
                "the key is refused: copy it from the panel's API settings into MOBIZON_API_KEY, switch access to the \
                 API on, and leave its list of IP addresses empty, because Lambda has none of its own",
            );
        }
        Ok((13, _)) => {
            return findings
                .wrong("the account is of another country: put its API domain into MOBIZON_BASE_URL");
        }
        Ok((14, _)) => return findings.wrong("the account is blocked: write to Mobizon's support"),
        Ok((30, _)) => {
            return findings.note(rate_limited("Mobizon"));
        }
        Ok((code, _)) => {
            return findings.wrong(format!(
                "Mobizon answered code {code}: see the codes in its API documentation"
            ));
        }
        Err(why) => {
            return findings.wrong(unreachable("Mobizon", &why, "MOBIZON_BASE_URL"));
        }
    }
    let Some(sender) = &settings.sender else {
        findings.note("no MOBIZON_SENDER: SMS come from Mobizon's shared name, which some operators refuse");
        return;
    };
    let page = [("pagination[currentPage]", "0"), ("pagination[pageSize]", "100")];
    match call(http, settings, "alphaname/list", &page).await {
        Ok((0, data)) => registered(&data, sender, findings),
        // The vendor does not document this method.
        _ => findings.note(format!(
            "Mobizon did not list its sender names: look in the panel whether «{sender}» is approved"
        )),
    }
}

fn balance(data: &Value, findings: &mut Findings) {
    let amount = &data["balance"];
    let amount = amount.as_f64().or_else(|| amount.as_str()?.trim().parse().ok());
    let currency: String = data["currency"]
        .as_str()
        .unwrap_or_default()
        .chars()
        .take(3)
        .collect();
    match amount {
        None => findings.note("the balance cannot be read: look at it in the panel"),
        Some(amount) if amount < BALANCE_MIN => findings.wrong(format!(
            "the balance is {amount:.2} {currency}: top it up; SMS wait as long as there is no money"
        )),
        Some(amount) => findings.ok(format!("the balance is {amount:.2} {currency}")),
    }
}

fn registered(data: &Value, sender: &str, findings: &mut Findings) {
    let names: Vec<&str> = data["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["alphaname"]["name"].as_str())
        .collect();
    if names.contains(&sender) {
        // The meaning of its two statuses is not published.
        findings.ok(format!(
            "the sender «{sender}» is registered; the panel says for which operators it is approved"
        ));
    } else if let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(sender)) {
        findings.wrong(format!(
            "MOBIZON_SENDER must be spelt as it is registered: {name}"
        ));
    } else {
        findings.wrong(format!(
            "the sender «{sender}» is not registered: register it in the panel, or empty MOBIZON_SENDER"
        ));
    }
}

async fn call(
    http: &Client,
    settings: &config::Mobizon,
    method: &str,
    form: &[(&str, &str)],
) -> Result<(i64, Value), String> {
    let request = http
        .post(format!("{}/service/{method}", settings.base_url))
        .query(&[
            ("output", "json"),
            ("api", "v1"),
            ("apiKey", settings.api_key.expose_secret()),
        ])
        .form(form);
    let mut answer = ask(request).await?;
    let code = &answer.body["code"];
    let code = code.as_i64().or_else(|| code.as_str()?.trim().parse().ok());
    let code = code.ok_or_else(|| format!("answered {} without its own format", answer.status))?;
    Ok((code, answer.body["data"].take()))
}
