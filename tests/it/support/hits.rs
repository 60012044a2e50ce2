//! Hits as people and machines send them.

use harness::world::{Database, Waiting};
use proftest::domain::hit::{Headers, Hit};
use proftest::store::{NewHit, Target};
use serde_json::{Value, json};

pub const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
pub const FACEBOOK: &str = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)";

/// What a current browser sends that opens a link.
pub const BROWSER: [(&str, &str); 7] = [
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-language", "ru-KZ,ru;q=0.9"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("user-agent", CHROME),
];

/// A GET of this user agent, with a browser's headers.
pub fn hit(target: Target, user_agent: &str) -> NewHit {
    let headers: Value = BROWSER
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .into_iter()
        .collect();
    let hit = Hit {
        method: "GET",
        user_agent: Some(user_agent),
        headers: &Headers::from_json(&headers),
        address: None,
    };
    NewHit::new(target, &hit)
}

/// A person's.
pub fn click(target: Target) -> NewHit {
    hit(target, CHROME)
}

/// How many hits of a lead there are: human, bot, unsure.
pub async fn counts(db: &Database, waiting: &Waiting) -> [i64; 3] {
    let sql = format!(
        "select coalesce(sum(human), 0) as human, coalesce(sum(bot), 0) as bot, coalesce(sum(unsure), 0) as unsure
         from hit_counts where lead_id = '{}'",
        waiting.lead
    );
    let row = db.row(&sql).await;
    ["human", "bot", "unsure"].map(|name| row[name].as_i64().unwrap())
}
