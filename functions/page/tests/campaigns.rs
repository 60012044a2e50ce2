//! `campaigns.toml` is sound, the build's check of it finds each way to break it, and pixels get what they need.

#[path = "../build/campaigns.rs"]
mod campaigns;

use campaigns::{Campaigns, policy};

const FILE: &str = include_str!("../campaigns.toml");

fn read(pixels: &str) -> Result<Campaigns, String> {
    Campaigns::read(&format!("{FILE}\n{pixels}"))
}

#[test]
fn the_file_is_sound_and_pixels_can_be_added() {
    assert!(Campaigns::read(FILE).is_ok());
    let both = read("[campaigns.summer-2027]\nmeta = \"123456789012345\"\nyandex = \"12345678\"").unwrap();
    let campaign = &both.listed["summer-2027"];
    assert_eq!(
        campaign.attributes(),
        " data-meta=\"123456789012345\" data-yandex=\"12345678\""
    );
    assert!(campaign.tick().contains("Meta и&nbsp;Яндекс.Метрике"));
    let policy = policy(Some(campaign), "'sha256-x'", "'sha256-y'");
    for source in [
        "script-src 'self' 'sha256-x' https://connect.facebook.net https://mc.yandex.ru https://yastatic.net;",
        "img-src 'self' https://www.facebook.com https://mc.yandex.ru;",
        "style-src 'sha256-y';",
    ] {
        assert!(policy.contains(source), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn a_campaign_allows_only_the_hosts_of_its_pixels() {
    let meta = read("[campaigns.a]\nmeta = \"123456789012345\"").unwrap();
    let with_meta = policy(Some(&meta.listed["a"]), "", "");
    assert!(with_meta.contains("facebook") && !with_meta.contains("yandex"));
    let yandex = read("[campaigns.a]\nyandex = \"12345678\"").unwrap();
    let with_yandex = policy(Some(&yandex.listed["a"]), "", "");
    assert!(with_yandex.contains("yandex") && !with_yandex.contains("facebook"));
    let none = policy(None, "", "");
    assert!(!none.contains("https://") && none.contains("trusted-types worker"));
    let own = read("[campaigns.a]\npolicy_url = \"https://a.kz/policy\"").unwrap();
    let own = &own.listed["a"];
    assert_eq!(own.policy_url("/proftest/privacy"), "https://a.kz/policy");
    assert_eq!(
        meta.listed["a"].policy_url("/proftest/privacy"),
        "/proftest/privacy"
    );
    assert_eq!((own.attributes(), own.tick()), (String::new(), String::new()));
    assert_eq!(policy(Some(own), "", ""), none);
}

#[test]
fn each_mistake_is_named() {
    for (pixels, sentence) in [
        ("[campaigns.a]", "has no pixel"),
        ("[campaigns.a]\npolicy_url = \"//a.kz\"", "policy_url must be"),
        ("[campaigns.privacy]\nyandex = \"12345678\"", "is another page"),
        ("[campaigns.a]\nmeta = \"12\"", "meta must be"),
        ("[campaigns.a]\nmeta = 123456789012345", "string"),
        ("[campaigns.a]\nyandex = \"x\"", "yandex must be"),
        ("[campaigns.a]\ntiktok = \"1\"", "tiktok"),
        ("[campaigns.\"A B\"]\nyandex = \"12345678\"", "a slug is"),
    ] {
        let found = read(pixels).err().unwrap_or_default();
        assert!(
            found.contains(sentence),
            "{pixels}: {found:?} should say {sentence:?}"
        );
    }
    let plain = FILE.replace("\"/proftest/privacy\"", "\"http://onai.academy\"");
    assert!(
        Campaigns::read(&plain)
            .err()
            .unwrap_or_default()
            .contains("policy_url")
    );
}
