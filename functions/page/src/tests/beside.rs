//! What stands beside the test: the worker, Turnstile's frame, the sample of a policy, and the consent that leads there.

use super::*;
use proftest::texts::{Locale, texts};

/// The worker talks to the API alone, and only Turnstile's frame is open to Cloudflare.
#[test]
fn what_runs_beside_the_page_has_a_policy_of_its_own() {
    let worker = get(&asset("worker"), &[]);
    assert_eq!(
        header(&worker, "content-security-policy"),
        "default-src 'none'; connect-src 'self'"
    );
    let frame = get(&asset("turnstile-"), &[]);
    let policy = header(&frame, "content-security-policy");
    assert_eq!(header(&frame, "content-type"), "text/html; charset=utf-8");
    assert!(policy.contains("frame-ancestors 'self'"), "{policy}");
    let open: Vec<&str> = FILES
        .assets
        .iter()
        .filter(|(_, asset)| asset.policy.is_some_and(|policy| policy.contains("https://")))
        .map(|(name, _)| *name)
        .collect();
    assert!(open.len() == 1 && open[0].starts_with("turnstile-"), "{open:?}");
    let html = text(&frame);
    let script = html.split("<script type=\"module\">").nth(1).unwrap();
    let script = script.split("</script>").next().unwrap();
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script));
    assert!(policy.contains(&format!(
        "script-src 'sha256-{hash}' https://challenges.cloudflare.com;"
    )));
}

/// A page of an earlier release asks for the worker of that release.
#[test]
fn a_worker_of_another_release_is_this_one_s() {
    let ours = get(&asset("worker"), &[]);
    let other = get("/proftest/assets/worker-0123456789abcdef.js", &[]);
    assert_eq!((other.status().as_u16(), text(&other)), (200, text(&ours)));
    // Its name does not stand for this content.
    assert_eq!(header(&other, "cache-control"), "public, max-age=86400");
    assert_eq!(
        header(&other, "content-security-policy"),
        header(&ours, "content-security-policy")
    );
    assert_eq!(get("/proftest/assets/worker-x.svg", &[]).status(), 404);
}

#[test]
fn the_sample_of_a_policy_is_no_campaign_and_says_what_it_is() {
    let page = text(&get("/proftest", &[]));
    for path in ["/proftest/privacy", "/proftest/privacy/"] {
        let policy = get(path, &[]);
        let html = text(&policy);
        assert_eq!(policy.status(), 200);
        assert!(
            html.contains("Это образец.") && html.contains("юрист") && html != page,
            "{path}"
        );
        assert!(header(&policy, "content-security-policy").starts_with("default-src 'none'"));
    }
    assert_eq!(
        handle(&request(Method::GET, "/proftest//privacy", &[])).status(),
        308
    );
    assert_ne!(
        text(&get("/proftest/privacy-2", &[])),
        text(&get("/proftest/privacy", &[]))
    );
}

/// Both channels, the purpose, the operator and the transfer abroad, as the server's hash stands for it.
#[test]
fn the_page_shows_the_consent_of_the_version_that_it_sends() {
    let page = text(&get("/proftest", &[]));
    let consent = &texts(Locale::Ru).consents[0];
    let label = page
        .split("aria-describedby=\"consent-error\"><span>")
        .nth(1)
        .unwrap();
    let label = label.split("</span>").next().unwrap();
    let mut shown = String::new();
    for part in label.split('<') {
        shown.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    assert_eq!(shown, consent.text);
    assert!(label.contains("<a href=\"/proftest/privacy\" "), "{label}");
    for named in [
        "OnAI Academy",
        "e-mail",
        "SMS",
        "результат теста",
        "за\u{a0}пределами Казахстана",
    ] {
        assert!(consent.text.contains(named), "{named}");
    }
    let sent = format!("consent:{{version:'{}',language:'ru'", consent.version);
    assert!(page.contains(&sent), "{sent}");
}
