use super::Findings;
use super::ask::ask;
use proftest::config;
use reqwest::Client;

/// Sends HEAD, which counts no click, to the page and to a short link of no lead. A dead address is wrong once the
/// stack is deployed, and a note before.
pub(super) async fn examine(http: &Client, links: &config::Links, deployed: bool, findings: &mut Findings) {
    let checks = [
        ("PUBLIC_BASE_URL", format!("{}/proftest", links.public), 200),
        ("SHORT_LINK_BASE_URL", format!("{}/l/doctor", links.short), 302),
    ];
    for (variable, url, expected) in checks {
        let found = match ask(http.head(url)).await {
            Ok(answer) if answer.status == expected => {
                findings.ok(format!("{variable} leads to the functions"));
                continue;
            }
            Ok(answer) => format!("answers {} instead of {expected}", answer.status),
            Err(why) => why,
        };
        if deployed {
            findings.wrong(format!(
                "{variable} {found}: point its DNS name at the API's custom domain"
            ));
        } else {
            findings.note(format!(
                "{variable} {found}: expected as long as nothing is deployed"
            ));
        }
    }
}
