//! A person is one lead, whatever they click, and their message is scheduled once.

use crate::support::funnel::{own_schedules, schedules};
use crate::support::request::{Answer, request, sample, submission};
use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindowMode};
use futures::future::join_all;
use harness::world::{Database, Person, World, run, sdk, task};
use jiff::{SignedDuration, Timestamp};
use proftest::aws::SdkConfig;
use proftest::config;
use proftest::domain::ids::NotificationId;
use serde_json::{Value, json};
use std::collections::HashSet;
use uuid::Uuid;

const ROLE: &str = "arn:aws:iam::000000000000:role/scheduler";
const DLQ: &str = "arn:aws:sqs:eu-central-1:000000000000:dead";

/// Ten minutes to the message, and its schedule a minute before.
pub async fn world() -> World {
    let mut world = World::new().await;
    own_schedules(&mut world).await;
    world.changes.extend([
        ("SCHEDULE_LEAD_SECONDS", "60".to_owned()),
        ("SCHEDULER_ROLE_ARN", ROLE.to_owned()),
        ("NOTIFICATIONS_DLQ_ARN", DLQ.to_owned()),
    ]);
    world
}

pub async fn app(world: &World) -> intake::App {
    app_of(&world.intake_config(), &sdk().await)
}

pub fn app_of(config: &config::Intake, sdk: &SdkConfig) -> intake::App {
    intake::App::new(config, sdk).unwrap()
}

pub async fn post(app: &intake::App, body: &Value) -> Answer {
    intake::handle(app, submission(body)).await.into()
}

#[test]
fn the_seeds_line_becomes_its_rows() {
    run(async {
        let intake = world().await;
        let body =
            json!({"name": "Performance Test", "email": "perftest@example.com", "phone": "+77010000000"});
        let answer = post(&app(&intake).await, &body).await;
        assert_eq!(answer.body, json!({"success": true, "leadId": answer.lead()}));
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        let lead = intake.db.row("select * from landing_leads").await;
        let expected = json!({
            "id": answer.lead(), "name": "Performance Test", "email": "perftest@example.com",
            "phone": "+77010000000", "source": "proftest", "amocrm_lead_id": null, "click_count": 0,
            "email_sent": false, "email_sent_at": null, "email_clicked": false, "email_clicked_at": null,
            "sms_sent": false, "sms_sent_at": null, "sms_clicked": false, "sms_clicked_at": null,
            "metadata": lead["metadata"], "created_at": lead["created_at"], "updated_at": lead["updated_at"],
        });
        assert_eq!(lead, expected);
        let notification = intake
            .db
            .row(
                "select *, extract(epoch from scheduled_for - created_at)::int as delay
                  from scheduled_notifications",
            )
            .await;
        for (column, value) in [
            ("lead_id", json!(answer.lead())),
            ("type", json!("both")),
            ("status", json!("pending")),
            ("delay", json!(600)),
            ("sent_at", Value::Null),
            ("email_sent", json!(false)),
            ("sms_sent", json!(false)),
            ("source", json!("proftest")),
        ] {
            assert_eq!(notification[column], value, "{column}");
        }
        assert_eq!(
            intake.db.counts().await,
            json!({"leads": 1, "notifications": 1, "deliveries": 2, "links": 1, "crm": 1, "clicks": 0})
        );
        assert_eq!(intake.db.count("deliveries where state = 'pending'").await, 2);
        assert_eq!(intake.db.count("crm_tasks where state = 'pending'").await, 1);
        assert_eq!(
            intake
                .db
                .count("short_links where code ~ '^[0-9A-Za-z]{12}$'")
                .await,
            1
        );
    });
}

/// Fifty at once, each to an instance of its own as on Lambda.
async fn post_all(intake: &World, bodies: &[Value]) -> Vec<Answer> {
    let mut apps = Vec::new();
    for _ in bodies {
        let app = app(intake).await;
        app.warm_up().await;
        apps.push(app);
    }
    join_all(apps.iter().zip(bodies).map(|(app, body)| post(app, body))).await
}

async fn are_one_lead(intake: &World, bodies: &[Value]) {
    assert_eq!(bodies.len(), 50);
    let answers = post_all(intake, bodies).await;
    answers[0].lead();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(
        intake.db.counts().await,
        json!({"leads": 1, "notifications": 1, "deliveries": 2, "links": 1, "crm": 1, "clicks": 0})
    );
    assert_eq!(schedules(intake).await.len(), 1);
    assert_eq!(
        intake.notifications.delayed().await,
        0,
        "a message beside the schedule"
    );
}

#[test]
fn fifty_identical_submissions_at_once_are_one_lead_and_fifty_equal_answers() {
    run(async {
        let body = Person::new().form();
        are_one_lead(&world().await, &vec![body; 50]).await;
    });
}

#[test]
fn fifty_submissions_of_one_key_at_once_are_one_lead() {
    run(async {
        let mut body = Person::new().form();
        body["submissionId"] = json!(Uuid::new_v4());
        are_one_lead(&world().await, &vec![body; 50]).await;
    });
}

#[test]
fn fifty_spellings_of_one_person_at_once_are_one_lead() {
    run(async {
        let phones = [
            "+77011234567",
            "87011234567",
            "7011234567",
            "77011234567",
            "8 701 123 45 67",
            "+7 (701) 123-45-67",
            "8(701)1234567",
            "+7 701 123 4567",
            "7 701 123-45-67",
            " 8-701-123-45-67 ",
        ];
        let emails = [
            "aigerim@example.com",
            "Aigerim@Example.COM",
            "  aigerim@example.com",
            "aigerim@example.com  ",
            "AIGERIM@EXAMPLE.COM",
        ];
        let spelled = phones
            .iter()
            .flat_map(|phone| emails.map(|email| json!({"name": "Айгерим", "email": email, "phone": phone})));
        are_one_lead(&world().await, &spelled.collect::<Vec<_>>()).await;
    });
}

async fn complete(db: &Database) {
    let sql = "update scheduled_notifications set status = 'completed' where status = 'pending'";
    db.execute(sql).await;
}

#[test]
fn a_repeated_submission_makes_no_second_message_and_a_retake_makes_one() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        let mut first = Person::new().form();
        first["submissionId"] = json!("click-1");
        first["campaignSlug"] = json!("blogger");
        first["utmParams"] = json!({"utm_source": "instagram"});
        let lead = post(&app, &first).await.lead().to_owned();
        complete(&intake.db).await;
        assert_eq!(post(&app, &first).await.lead(), lead, "the same answer");
        assert_eq!(
            intake.db.count("scheduled_notifications").await,
            1,
            "the same submission again"
        );

        let mut retake = first.clone();
        retake.as_object_mut().unwrap().remove("submissionId");
        retake["campaignSlug"] = json!("newsletter");
        retake["utmParams"] = json!({"utm_source": "email", "utm_medium": "june"});
        assert_eq!(post(&app, &retake).await.lead(), lead);
        assert_eq!(
            intake
                .db
                .count("scheduled_notifications where status = 'pending'")
                .await,
            1
        );
        assert_eq!(
            intake.db.count("short_links").await,
            2,
            "the new message has a link of its own"
        );
        assert_eq!(
            intake.db.count("crm_tasks").await,
            1,
            "the CRM hears of a person once"
        );
        assert_eq!(schedules(&intake).await.len(), 2);

        let row = intake.db.row("select source, metadata from landing_leads").await;
        let metadata = &row["metadata"];
        assert_eq!(row["source"], "proftest_blogger", "first touch");
        assert_eq!(metadata["campaignSlug"], "blogger", "first touch");
        assert_eq!(
            metadata["utmParams"],
            json!({"utm_source": "instagram"}),
            "first touch"
        );
        let last = json!({"source": "proftest_newsletter", "campaignSlug": "newsletter",
                          "utmParams": {"utm_source": "email", "utm_medium": "june"}});
        assert_eq!(metadata["lastTouch"], last);
    });
}

#[test]
fn a_retake_while_the_message_waits_makes_no_second_one() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        let mut body = Person::new().form();
        for key in ["click-1", "click-2", "click-3"] {
            body["submissionId"] = json!(key);
            post(&app, &body).await.lead();
        }
        assert_eq!(intake.db.count("scheduled_notifications").await, 1);
        assert_eq!(schedules(&intake).await.len(), 1);
    });
}

#[test]
fn the_same_key_of_another_person_is_another_lead() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        let mut leads = HashSet::new();
        let first = Person::new();
        let same_phone = Person {
            email: Person::new().email,
            ..first.clone()
        };
        let same_email = Person {
            phone: Person::new().phone,
            ..first.clone()
        };
        for person in [&first, &same_phone, &same_email] {
            let mut body = person.form();
            body["submissionId"] = json!("everybody's key");
            leads.insert(post(&app, &body).await.lead().to_owned());
        }
        assert_eq!(leads.len(), 3);
        assert_eq!(intake.db.count("scheduled_notifications").await, 3);
    });
}

#[test]
fn the_schedule_wakes_the_message_a_minute_before_it_is_due() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        let body = Person::new().form();
        post(&app, &body).await.lead();
        // The second submission meets the schedule of the first, which is no failure.
        post(&app, &body).await.lead();
        assert_eq!(
            intake.notifications.delayed().await,
            0,
            "a message beside the schedule"
        );
        let row = intake
            .db
            .row("select id, scheduled_for from scheduled_notifications")
            .await;
        let id = row["id"].as_str().unwrap();
        let scheduler = aws_sdk_scheduler::Client::new(&sdk().await);
        let get = scheduler
            .get_schedule()
            .group_name(&intake.changes["SCHEDULE_GROUP"])
            .name(id);
        let schedule = get.send().await.unwrap();
        let due: Timestamp = row["scheduled_for"].as_str().unwrap().parse().unwrap();
        let fires = due.checked_sub(SignedDuration::from_mins(1)).unwrap();
        let expression = format!("at({})", fires.strftime("%Y-%m-%dT%H:%M:%S"));
        assert_eq!(schedule.schedule_expression.unwrap(), expression);
        assert_eq!(schedule.schedule_expression_timezone.unwrap(), "UTC");
        assert_eq!(
            schedule.action_after_completion,
            Some(ActionAfterCompletion::Delete)
        );
        assert_eq!(
            *schedule.flexible_time_window.unwrap().mode(),
            FlexibleTimeWindowMode::Off
        );
        let target = schedule.target.unwrap();
        assert_eq!(
            (target.arn(), target.role_arn()),
            (intake.notifications.arn.as_str(), ROLE)
        );
        let id = NotificationId::from_uuid(id.parse().unwrap());
        assert_eq!(target.input(), Some(task(id).as_str()));
        assert_eq!(target.dead_letter_config().and_then(|dlq| dlq.arn()), Some(DLQ));
    });
}

#[test]
fn the_sample_events_are_answered() {
    run(async {
        let intake = world().await;
        let app = app(&intake).await;
        for (file, status) in [
            ("valid", 200),
            ("base64", 200),
            ("invalid_json", 400),
            ("ticket", 200),
            ("proof", 400),
        ] {
            let event = sample(&format!("intake/{file}.json"));
            let answer = Answer::from(intake::handle(&app, request(&event)).await);
            assert_eq!(answer.status, status, "{file}: {answer:?}");
        }
        assert_eq!(sample("intake/base64.json")["isBase64Encoded"], true);
        let leads = intake
            .db
            .rows("select email, phone, source, metadata from landing_leads order by created_at")
            .await;
        assert_eq!(leads[0]["email"], "delivered+aigul@resend.dev");
        assert_eq!(leads[0]["phone"], "+77010000001");
        assert_eq!(leads[0]["metadata"]["answers"].as_array().unwrap().len(), 10);
        assert_eq!(leads[0]["metadata"]["paymentMethod"], "kaspi");
        assert!(
            leads.len() <= 2
                && leads
                    .iter()
                    .all(|lead| lead["email"].as_str().unwrap().contains('@'))
        );
    });
}
