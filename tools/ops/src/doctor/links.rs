use super::Findings;
use super::ask::ask;
use proftest::config;
use reqwest::Client;

/// How the page leads to the sample of a privacy policy.
const SAMPLE: &str = "href=\"/proftest/privacy\"";

/// Asks for the page, and sends HEAD, which counts no click, to a short link of no lead. A dead address is wrong once the
/// stack is deployed, and a note before.
pub(super) async fn examine(http: &Client, links: &config::Links, deployed: bool, findings: &mut Findings) {
    let page = http.get(format!("{}/proftest", links.public));
    let link = http.head(format!("{}/l/doctor", links.short));
    let checks = [("PUBLIC_BASE_URL", page, 200), ("SHORT_LINK_BASE_URL", link, 302)];
    for (variable, request, expected) in checks {
        let found = match ask(request).await {
            Ok(answer) if answer.status == expected => {
                findings.ok(format!("{variable} leads to the functions"));
                if answer.text.contains(SAMPLE) {
                    findings.warn(
                        "the page leads to the sample of a privacy policy: have counsel check a real one, and put it into \
                         policy_url in functions/page/campaigns.toml",
                    );
                }
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
