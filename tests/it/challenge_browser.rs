//! The challenge in a real browser: the real page and the real intake, a database, and the message at the end.

use crate::intake::{app, world};
use crate::machine::{ROBOTO, chromium};
use crate::support::delivery::{patient, wake};
use crate::support::guard::limit;
use crate::support::request::{request, sample};
use crate::visitor::Visitor;
use crate::walk::{Contact, PHONE, fill_form, finish_test};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use harness::world::{Person, Waiting, World, eventually, run};
use lambda_http::RequestExt as _;
use proftest::domain::ids::{LeadId, NotificationId};
use serde_json::{Value, json};
use standins::{Running, serve};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Behind {
    app: Arc<intake::App>,
    gives_tickets: bool,
}

/// Page and intake at one origin, as behind API Gateway.
async fn site(behind: Behind) -> Running {
    let router = Router::new().fallback(answer).with_state(behind);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve(listener, router).unwrap()
}

async fn answer(State(behind): State<Behind>, incoming: Request) -> Response {
    let (head, body) = incoming.into_parts();
    let path = head.uri.path().to_owned();
    if !path.starts_with("/api/") {
        let request = lambda_http::Request::from_parts(head, lambda_http::Body::Empty);
        let (head, body) = page::handle(&request.with_raw_http_path(&path)).into_parts();
        return Response::from_parts(head, Body::from(body.to_vec()));
    }
    if head.method == "GET" && !behind.gives_tickets {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let body = axum::body::to_bytes(body, 100_000).await.unwrap();
    let mut event = sample("intake/valid.json");
    event["rawPath"] = path.as_str().into();
    event["requestContext"]["http"]["path"] = path.as_str().into();
    event["requestContext"]["http"]["method"] = head.method.as_str().into();
    event["body"] = String::from_utf8(body.to_vec()).unwrap().into();
    let headers = head.headers.iter();
    event["headers"] = headers
        .map(|(name, value)| (name.to_string(), Value::from(value.to_str().unwrap())))
        .collect();
    let (head, body) = intake::handle(&behind.app, request(&event)).await.into_parts();
    Response::from_parts(head, Body::from(body.to_vec()))
}

/// Takes the test at once, and leaves the contacts.
async fn take_the_test(visitor: &Visitor, url: &str, person: &Person) {
    visitor.open(&format!("{url}/proftest/blogger")).await;
    visitor.press("#begin").await;
    finish_test(visitor, 0).await;
    let contact = Contact {
        name: &person.name,
        email: &person.email,
        phone: &person.phone,
    };
    fill_form(visitor, &contact).await;
    visitor.press("#send").await;
    visitor.sees("#result").await;
}

async fn submission(world: &World) -> Value {
    let sql =
        "select s.challenged_at is not null as challenged, s.proved_at < n.scheduled_for as proved_in_time,
                      n.id, n.lead_id, c.collected_by, c.text_sha256 is not null as text_is_known, c.page
               from submissions s
               join scheduled_notifications n on n.submission_id = s.id
               join consents c on c.submission_id = s.id";
    world.db.row(sql).await
}

async fn walk(name: &str, gives_tickets: bool) {
    let Some(chromium) = chromium(&ROBOTO) else {
        return;
    };
    let mut world = world().await;
    limit(&mut world);
    let app = Arc::new(app(&world).await);
    let site = site(Behind { app, gives_tickets }).await;
    let visitor = Visitor::new(&chromium, name, PHONE).await;
    let person = Person::new();
    take_the_test(&visitor, &site.url(), &person).await;
    if !gives_tickets {
        eventually("the proof is there", Duration::from_mins(1), async || {
            (submission(&world).await["proved_in_time"] == true).then_some(())
        })
        .await;
        visitor.until("!JSON.parse(sessionStorage.proftest).asked").await;
    }
    visitor.had_no_trouble().await;
    visitor.leave().await;
    let row = submission(&world).await;
    assert_eq!(row["challenged"], !gives_tickets, "{row}");
    assert_eq!(
        json!([row["collected_by"], row["text_is_known"], row["page"]]),
        json!(["page", true, "/proftest/blogger"])
    );
    let waiting = Waiting {
        person,
        lead: LeadId::parse(row["lead_id"].as_str().unwrap()).unwrap(),
        id: NotificationId::parse(row["id"].as_str().unwrap()).unwrap(),
    };
    world.pass_time(Duration::from_mins(11)).await;
    assert!(!wake(&patient(&world).await, &waiting).await);
    world.assert_delivered_once(&waiting).await;
}

#[test]
fn a_visitor_with_a_ticket_is_not_challenged() {
    run(walk("challenge-none", true));
}

#[test]
fn a_challenged_visitor_s_proof_comes_in_time_and_they_see_nothing_of_it() {
    run(walk("challenge-proof", false));
}
