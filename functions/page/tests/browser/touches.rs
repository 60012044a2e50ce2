//! Where a visitor came from: what the page keeps of the tags in its link.

use crate::visitor::Visitor;
use crate::walk::PHONE;
use crate::{Site, visit};
use serde_json::{Value, json};

/// Bytes that the page may keep of both touches.
const TOUCHES_MAX: usize = 8 * 1024;

fn click_ids() -> Vec<String> {
    let table: Value = serde_json::from_str(include_str!("../../../../shared/data/click_ids.json")).unwrap();
    let ids = table["ids"].as_array().unwrap().iter();
    ids.map(|id| id["name"].as_str().unwrap().to_owned()).collect()
}

/// The tags of the last touch after a visit with this in the link.
async fn tags(visitor: &Visitor, site: &Site, link: &str) -> Value {
    // Another fragment alone would not load the page again.
    visitor.open("about:blank").await;
    visitor.open(&format!("{}/proftest/x", site.url)).await;
    visitor.eval("localStorage.clear()").await;
    visitor.open("about:blank").await;
    visitor.open(&format!("{}/proftest/x{link}", site.url)).await;
    visitor
        .eval("(JSON.parse(localStorage.getItem('proftest:touch')) || {last: {}}).last.tags ?? null")
        .await
}

async fn check(name: &str, cases: &[(&str, Value)]) {
    let Some((site, visitor)) = visit(name, PHONE).await else {
        return;
    };
    for (link, expected) in cases {
        assert_eq!(tags(&visitor, &site, link).await, *expected, "{link}");
    }
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

#[tokio::test]
async fn click_ids_of_every_network_are_kept() {
    let Some((site, visitor)) = visit("click-ids", PHONE).await else {
        return;
    };
    let ids = click_ids();
    assert!(ids.len() >= 20);
    for ids in [&ids[..12], &ids[12..]] {
        let pairs: Vec<String> = ids.iter().map(|id| format!("{id}={id}-1")).collect();
        let kept: Value = ids
            .iter()
            .map(|id| (id.clone(), json!(format!("{id}-1"))))
            .collect();
        assert_eq!(
            tags(&visitor, &site, &format!("?{}", pairs.join("&"))).await,
            kept
        );
    }
    visitor.leave().await;
}

#[tokio::test]
async fn ids_are_whole_or_absent_and_texts_are_cut() {
    let long = |length: usize| "aB3-_.".chars().cycle().take(length).collect::<String>();
    let (ttclid, longest, too_long) = (long(326), long(1024), long(1025));
    let text = "Ж".repeat(300);
    check(
        "long",
        &[
            (&format!("?ttclid={ttclid}"), json!({ "ttclid": ttclid })),
            (
                &format!("?gclid={longest}&utm_source=a"),
                json!({"gclid": longest, "utm_source": "a"}),
            ),
            (
                &format!("?gclid={too_long}&utm_source=a"),
                json!({"utm_source": "a"}),
            ),
            (&format!("?fbclid={too_long}"), json!(null)),
            (
                "?_openstat=ZGly+ZWN0/MTs=",
                json!({"_openstat": "ZGly+ZWN0/MTs="}),
            ),
            (&format!("?utm_term={text}"), json!({"utm_term": "Ж".repeat(200)})),
            (
                &format!("?utm_term={}", "🌸".repeat(300)),
                json!({"utm_term": "🌸".repeat(200)}),
            ),
        ],
    )
    .await;
}

/// Each byte as a link's escape.
fn escaped(name: &str) -> String {
    let bytes: Vec<String> = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
    bytes.concat()
}

#[tokio::test]
async fn a_name_is_read_in_each_of_its_spellings() {
    let Some((site, visitor)) = visit("spelled", PHONE).await else {
        return;
    };
    let table: Value = serde_json::from_str(include_str!("../../../../shared/data/tags.json")).unwrap();
    let rows = table["names"].as_array().unwrap();
    assert!(rows.len() >= 40);
    for (at, row) in rows.iter().enumerate() {
        let spelled = row["spelled"].as_str().unwrap();
        // As it is copied out of HTML, and as a script writes it. Another query loads the page again.
        for (source, written) in [(2 * at, spelled.to_owned()), (2 * at + 1, escaped(spelled))] {
            let link = format!("{}/proftest/x?utm_source={source}&{written}=cpc", site.url);
            visitor.open(&link).await;
            let mut expected = json!({ "utm_source": source.to_string() });
            if let Some(name) = row["name"].as_str() {
                expected[name] = json!("cpc");
            }
            let kept = "JSON.parse(localStorage.getItem('proftest:touch')).last.tags";
            assert_eq!(visitor.eval(kept).await, expected, "{link}");
        }
    }
    visitor.had_no_trouble().await;
    visitor.leave().await;
}

#[tokio::test]
async fn names_of_tags() {
    check(
        "names-of-tags",
        &[
            ("?Utm_Source=IG&ScCid=Ab", json!({"utm_source": "IG", "sccid": "Ab"})),
            (
                "?utm_source_platform=a&utm_creative_format=b&utm_id=1&utm_ad-set=c&utm_term2=d",
                json!({"utm_source_platform": "a", "utm_creative_format": "b", "utm_id": "1", "utm_ad-set": "c", "utm_term2": "d"}),
            ),
            ("?utm_=a&utm=b&xutm_source=c&igshid=d&wickedid=e&mc_eid=f", json!(null)),
            ("?utm_source=&utm_medium=%00%07", json!(null)),
            ("?utm_source=a%00b%0Ac", json!({"utm_source": "abc"})),
            ("?utm_source=100%&utm_medium=%E0%A4%A", json!({"utm_source": "100%", "utm_medium": "\u{fffd}%A"})),
        ],
    )
    .await;
}

#[tokio::test]
async fn tags_after_a_fragment_or_a_second_question_mark() {
    let one = json!({"utm_source": "ig"});
    check(
        "fragment",
        &[
            ("#utm_source=ig", one.clone()),
            ("#/?utm_source=ig", one.clone()),
            ("#start?utm_source=ig", one.clone()),
            ("#start&utm_source=ig", one.clone()),
            ("?a=b#utm_source=ig", one.clone()),
            (
                "?utm_source=ig?gclid=x",
                json!({"utm_source": "ig", "gclid": "x"}),
            ),
            (
                "?utm_term=who?&utm_source=ig",
                json!({"utm_term": "who?", "utm_source": "ig"}),
            ),
            ("#start", json!(null)),
            // Written as HTML.
            (
                "?amp;utm_source=ig&amp;gclid=x",
                json!({"utm_source": "ig", "gclid": "x"}),
            ),
            (
                "#utm_source=ig&amp;gclid=x",
                json!({"utm_source": "ig", "gclid": "x"}),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_touch_is_bounded_as_a_whole() {
    let Some((site, visitor)) = visit("bounded", PHONE).await else {
        return;
    };
    let ids = click_ids();
    let many: Vec<String> = ids
        .iter()
        .map(|id| format!("{id}={}", "i".repeat(1024)))
        .collect();
    let texts: Vec<String> = (0..20)
        .map(|at| format!("utm_{at}={}", "%F0%9F%8C%B8".repeat(200)))
        .collect();
    let small: Vec<String> = (0..60).map(|at| format!("utm_{at}=x")).collect();
    let quotes = format!("utm_source={}", "\"\\".repeat(100));
    for (first, last) in [(&many, &texts), (&texts, &many), (&small, &texts)] {
        tags(&visitor, &site, &format!("?{quotes}&{}", first.join("&"))).await;
        visitor.open("about:blank").await;
        visitor
            .open(&format!("{}/proftest/x?{}", site.url, last.join("&")))
            .await;
        let kept = visitor.eval("localStorage.getItem('proftest:touch')").await;
        let kept = kept.as_str().unwrap();
        assert!(kept.len() < TOUCHES_MAX, "{}", kept.len());
        let touches: Value = serde_json::from_str(kept).unwrap();
        for touch in ["first", "last"] {
            let tags = touches[touch]["tags"].as_object().unwrap();
            assert!((3..=24).contains(&tags.len()), "{touch}: {}", tags.len());
            let whole = |text: &Value| matches!(text.as_str().unwrap().chars().count(), 1 | 200 | 1024);
            assert!(tags.values().all(whole), "{touch}");
        }
        assert_ne!(touches["first"]["tags"], touches["last"]["tags"]);
    }
    visitor.leave().await;
}
