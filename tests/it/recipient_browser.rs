//! The two pages of a person in a real browser: the real function and database; every state in every size, light and dark.
//!
//! Pictures are left in `target/tmp/page/recipient-<size>-<colours>/`.

use crate::axe::{axe, has_no_findings};
use crate::machine::{ROBOTO, chromium};
use crate::support::guarded::Guarded;
use crate::support::recipient::{UNKNOWN, app_of, served, wish};
use crate::visitor::{Size, Visitor};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use chromiumoxide::cdp::browser_protocol::emulation::{MediaFeature, SetEmulatedMediaParams};
use harness::world::{Person, run};
use lambda_http::RequestExt as _;
use serde_json::json;
use standins::{Running, serve};
use std::sync::Arc;
use tokio::net::TcpListener;

const WINDOWS: [Size; 3] = [(360, 740), (768, 1024), (1440, 900)];
const COLORS: [&str; 2] = ["light", "dark"];

/// The function at an origin of its own, and what is not its own from `page`, as behind API Gateway.
async fn site(app: recipient::App) -> Running {
    let router = Router::new().fallback(answer).with_state(Arc::new(app));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve(listener, router).unwrap()
}

async fn answer(State(app): State<Arc<recipient::App>>, incoming: Request) -> Response {
    let (head, body) = incoming.into_parts();
    let path = head.uri.path().to_owned();
    let body = axum::body::to_bytes(body, 100_000).await.unwrap();
    let body = lambda_http::Body::Binary(body.to_vec());
    let request = lambda_http::Request::from_parts(head, body).with_raw_http_path(&path);
    let answer = if path.starts_with("/u/") || path.starts_with("/r/") {
        recipient::handle(&app, &request).await
    } else {
        page::handle(&request)
    };
    let (head, body) = answer.into_parts();
    Response::from_parts(head, Body::from(body.to_vec()))
}

struct Tour<'a> {
    visitor: &'a Visitor,
    axe: Option<&'a str>,
    url: &'a str,
}

impl Tour<'_> {
    async fn looks(&self, state: &str) {
        self.examined(state).await;
        self.visitor.had_no_trouble().await;
    }

    async fn examined(&self, state: &str) {
        self.visitor.until("document.readyState === 'complete'").await;
        if let Some(axe) = self.axe {
            self.visitor.eval(&format!("{axe}; null")).await;
            has_no_findings(self.visitor, state).await;
        }
        self.visitor.picture(state).await;
    }

    async fn visits(&self, path: &str, state: &str) {
        self.visitor.open(&format!("{}{path}", self.url)).await;
        self.looks(state).await;
    }

    /// Chooses and presses, as a person does.
    async fn stops(&self, path: &str, choice: &str, state: &str) {
        self.visitor.open(&format!("{}{path}", self.url)).await;
        self.visitor
            .press(&format!(".option:has([value={choice}])"))
            .await;
        self.visitor.press("button.main").await;
        self.visitor.sees(".done").await;
        self.looks(state).await;
    }
}

#[test]
fn every_state_is_fit_to_be_seen_in_every_size_light_and_dark() {
    run(async {
        let Some(chromium) = chromium(&ROBOTO) else {
            return;
        };
        let guarded = Guarded::new().await;
        let axe = axe();
        let answers = [2, 1, 3, 2, 1, 3, 3, 1, 1, 0, 1, 0];
        let person = Person::new().with(json!({"answers": answers, "campaignSlug": "kenesary"}));
        let (scored, stop) = served(&guarded, &person).await;
        let (unscored, not_me) = served(&guarded, &Person::new()).await;
        let mut links = Vec::new();
        for waiting in [&scored, &unscored] {
            let sql = format!(
                "select code from short_links where channel = 'sms' and notification_id = '{}'",
                waiting.id
            );
            let row = guarded.world.db.row(&sql).await;
            links.push(format!("/r/{}", row["code"].as_str().unwrap()));
        }
        let site = site(app_of(&guarded)).await;
        let url = site.url();
        for window in WINDOWS {
            for colors in COLORS {
                let name = format!("recipient-{}-{colors}", window.0);
                let visitor = Visitor::new(&chromium, &name, window).await;
                let feature = MediaFeature::new("prefers-color-scheme", colors);
                let media = SetEmulatedMediaParams::builder().feature(feature).build();
                visitor.tab().execute(media).await.unwrap();
                let tour = Tour {
                    visitor: &visitor,
                    axe: axe.as_deref(),
                    url: &url,
                };
                tour.visits(&links[0], "1-result").await;
                tour.visits(&links[1], "2-no-result").await;
                visitor.press("footer a").await;
                visitor.sees("fieldset").await;
                tour.looks("3-choices").await;
                tour.stops(&stop, "email", "4-email-stopped").await;
                visitor.press("button.main").await;
                visitor.reads("Ни писем, ни SMS").await;
                tour.looks("5-all-stopped").await;
                tour.stops(&not_me, "not_me", "6-not-me").await;
                tour.visits(&format!("/u/{UNKNOWN}"), "7-unknown-token").await;
                visitor.open(&format!("{url}/r/AAAAAAAAAAAA")).await;
                // The browser reports each 404 as trouble.
                tour.examined("8-unknown-code").await;
                visitor.leave().await;
            }
        }
        let known = wish(&guarded.world.db, &scored.lead.to_string()).await;
        assert_eq!(known["withdrawn"], json!(["unsubscribe"]));
        let known = wish(&guarded.world.db, &unscored.lead.to_string()).await;
        assert_eq!((&known["disputed"], &known["name"]), (&json!(true), &json!("—")));
    });
}
