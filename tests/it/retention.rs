//! What is old goes, in bounded batches, and nothing else; waking never waits for it.

use crate::support::held::sweep;
use crate::support::hits::click;
use harness::world::{Database, Person, Waiting, World, run};
use proftest::store::Target;
use serde_json::json;
use std::time::Duration;

pub const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A lead whose message is over.
async fn delivered(world: &World) -> Waiting {
    let waiting = world.lead().await;
    let id = waiting.id;
    world
        .db
        .execute(&format!(
            "update scheduled_notifications set status = 'completed', open_channels = 0 where id = '{id}';
             update deliveries set state = 'accepted' where notification_id = '{id}';
             update landing_leads set sms_sent = true, sms_sent_at = now() where id = '{lead}';
             update crm_tasks set state = 'done' where lead_id = '{lead}';
             insert into clicks (id, lead_id, notification_id, source)
                 values (gen_random_uuid(), '{lead}', '{id}', 'sms');
             update submissions set key = 'key' where lead_id = '{lead}'",
            lead = waiting.lead
        ))
        .await;
    waiting
}

async fn count_of(db: &Database, table: &str, waiting: &Waiting) -> i64 {
    db.count(&format!("{table} where lead_id = '{}'", waiting.lead))
        .await
}

/// So many days pass, and the sweep runs.
async fn after(world: &World, days: u32) {
    world.pass_time(DAY * days).await;
    sweep(world).await;
}

#[test]
fn raw_clicks_go_after_ninety_days_and_the_flags_stay() {
    run(async {
        let world = World::new().await;
        let old = delivered(&world).await;
        let flags = format!(
            "update landing_leads set sms_clicked = true, click_count = 1 where id = '{}'",
            old.lead
        );
        world.db.execute(&flags).await;
        after(&world, 89).await;
        let young = delivered(&world).await;
        assert_eq!(count_of(&world.db, "clicks", &old).await, 1);
        after(&world, 1).await;
        assert_eq!(count_of(&world.db, "clicks", &old).await, 0);
        assert_eq!(count_of(&world.db, "clicks", &young).await, 1);
        assert_eq!(
            world
                .db
                .count("landing_leads where sms_clicked and click_count = 1")
                .await,
            1
        );
    });
}

#[test]
fn a_delivery_goes_after_180_days_its_link_leads_on_and_what_is_open_stays() {
    run(async {
        let world = World::new().await;
        let (over, open) = (delivered(&world).await, world.lead().await);
        let code = format!("select code from short_links where lead_id = '{}'", over.lead);
        let code = world.db.row(&code).await["code"].as_str().unwrap().to_owned();
        world.db.execute(&format!(
            "insert into holds (notification_id, channel, reason, until, ended_at) values ('{}', 'sms', 'x', now(), now())", over.id)).await;
        after(&world, 179).await;
        assert_eq!(count_of(&world.db, "scheduled_notifications", &over).await, 1);
        after(&world, 1).await;
        assert_eq!(count_of(&world.db, "scheduled_notifications", &over).await, 0);
        assert_eq!(world.db.count("deliveries").await, 2, "those of the other");
        assert_eq!(world.db.count("holds").await, 0);
        assert_eq!(count_of(&world.db, "scheduled_notifications", &open).await, 1);

        let code = proftest::domain::ids::ShortCode::parse(&code).unwrap();
        let click = click(Target::Code(code));
        let store = world.db.store_as("track");
        let clicked = store.record_hit(&click).await.unwrap().unwrap();
        assert_eq!(clicked.lead, over.lead);
        assert_eq!(world.db.count("landing_leads where sms_clicked").await, 1);
    });
}

#[test]
fn a_submission_loses_its_key_and_an_old_one_what_it_said() {
    run(async {
        let world = World::new().await;
        let waiting = delivered(&world).await;
        let lead = waiting.lead;
        let said = format!("update submissions set metadata = '{{\"a\": 1}}' where lead_id = '{lead}'");
        world.db.execute(&said).await;
        // A second one half a year later, and a third one whose message is still open.
        world.pass_time(DAY * 100).await;
        let next = |key: &str| {
            format!(
                "insert into submissions (lead_id, key, metadata) values ('{lead}', '{key}', '{{\"b\": \"{key}\"}}')"
            )
        };
        world.db.execute(&next("second")).await;
        let rows =
            format!("select key, metadata from submissions where lead_id = '{lead}' order by created_at");
        after(&world, 80).await;
        assert_eq!(
            world.db.rows(&rows).await,
            [
                json!({"key": null, "metadata": {}}),
                json!({"key": "second", "metadata": {"b": "second"}})
            ]
        );
        after(&world, 100).await;
        let newest = json!({"key": null, "metadata": {"b": "second"}});
        assert_eq!(
            world.db.rows(&rows).await[1],
            newest,
            "the newest keeps what it said"
        );
        world.db.execute(&next("third")).await;
        let open = "insert into scheduled_notifications (id, lead_id, submission_id, scheduled_for, source, open_channels, wake_at)
             select gen_random_uuid(), lead_id, id, now(), 'x', 2, 'infinity' from submissions where metadata ->> 'b' = 'second'";
        world.db.execute(open).await;
        after(&world, 180).await;
        assert_eq!(
            world.db.rows(&rows).await[1],
            newest,
            "its message is not yet written"
        );
        world
            .db
            .execute(&format!(
                "update scheduled_notifications set status = 'completed' where lead_id = '{lead}'"
            ))
            .await;
        world.db.execute(&next("fourth")).await;
        after(&world, 180).await;
        let left = world.db.rows(&rows).await;
        let metadata: Vec<_> = left.iter().map(|row| row["metadata"].clone()).collect();
        assert_eq!(
            metadata,
            [json!({}), json!({}), json!({}), json!({"b": "fourth"})]
        );
    });
}

#[test]
fn counters_go_and_what_still_counts_stays() {
    run(async {
        let world = World::new().await;
        world
            .db
            .execute(
                "insert into contact_budgets (key, sent)
                 select decode(lpad(to_hex(i), 8, '0'), 'hex'),
                        array[now() - case when i % 2 = 0 then interval '36 days' else interval '34 days' end,
                              now() - interval '400 days']
                 from generate_series(1, 2500) i;
                 insert into intake_counts (key, second, second_n, hour, hour_n, day, day_n)
                 select decode(lpad(to_hex(i), 8, '0'), 'hex'), 0, 1, 0, 1,
                        extract(epoch from now())::bigint / 86400 - case when i % 2 = 0 then 36 else 34 end, 1
                 from generate_series(1, 2500) i;
                 insert into budgets (name, shard, hour, hour_n, day, day_n, money)
                 select 'sms', i, 0, 1, extract(epoch from now())::bigint / 86400 - i, 1, 0
                 from generate_series(30, 40) i",
            )
            .await;
        sweep(&world).await;
        assert_eq!(world.db.count("contact_budgets").await, 1250);
        assert_eq!(
            world
                .db
                .count("contact_budgets where sent[1] < now() - interval '35 days'")
                .await,
            0
        );
        assert_eq!(world.db.count("intake_counts").await, 1250);
        assert_eq!(world.db.count("budgets").await, 6, "30 to 35 days");
        // The walk through the keys begins anew.
        world
            .db
            .execute("update contact_budgets set sent = array[now() - interval '36 days']")
            .await;
        world.pass_time(HOUR).await;
        sweep(&world).await;
        assert_eq!(world.db.count("contact_budgets").await, 0);
    });
}

#[test]
fn a_consent_loses_its_address_and_goes_three_years_after_its_withdrawal() {
    run(async {
        let world = World::new().await;
        world
            .db
            .execute(
                "insert into consents (submission_id, lead_id, collected_by, address, user_agent, withdrawn_at)
                 select gen_random_uuid(), gen_random_uuid(), 'page', '203.0.113.0/24', 'x',
                        case when i % 2 = 0 then now() end
                 from generate_series(1, 1500) i;
                 insert into audit (id, actor, act) select gen_random_uuid(), 'x', 'x'",
            )
            .await;
        after(&world, 380).await;
        assert_eq!(
            world
                .db
                .count("consents where address is not null and user_agent is not null")
                .await,
            1500
        );
        after(&world, 20).await;
        assert_eq!(
            world
                .db
                .count("consents where address is not null or user_agent is not null")
                .await,
            0
        );
        after(&world, 3 * 365 - 410).await;
        assert_eq!(
            (world.db.count("consents").await, world.db.count("audit").await),
            (1500, 1)
        );
        after(&world, 15).await;
        assert_eq!(
            world.db.count("consents").await,
            750,
            "those that nobody withdrew"
        );
        assert_eq!(world.db.count("audit").await, 0);
    });
}

async fn is_erased(db: &Database, silent: &Waiting) {
    for table in [
        "submissions",
        "clicks",
        "crm_tasks",
        "short_links",
        "scheduled_notifications",
    ] {
        assert_eq!(count_of(db, table, silent).await, 0, "{table}");
    }
    let consent = format!(
        "select address, withdrawn_how, withdrawn_at > now() - interval '1 hour' as now from consents where lead_id = '{}'",
        silent.lead
    );
    assert_eq!(
        db.row(&consent).await,
        json!({"address": null, "withdrawn_how": "expired", "now": true})
    );
    assert_eq!(
        db.row("select actor, act, detail from audit").await,
        json!({"actor": "sweep", "act": "expire", "detail": {"leads": 1}})
    );
}

#[test]
fn a_lead_is_erased_two_years_after_its_last_act() {
    run(async {
        let world = World::new().await;
        let silent = delivered(&world).await;
        let shares = Person {
            email: Person::new().email,
            ..silent.person.clone()
        };
        world
            .db
            .execute("insert into crm_people (phone, contact_id) select phone, 1 from landing_leads")
            .await;
        world.pass_time(DAY * 10).await;
        let (clicks, submits, waits, shares) = (
            delivered(&world).await,
            delivered(&world).await,
            delivered(&world).await,
            world.save(&shares, HOUR).await,
        );
        world
            .db
            .execute(
                "insert into consents (submission_id, lead_id, collected_by, address) select id, lead_id, 'page', '203.0.113.0/24'
                 from submissions on conflict (submission_id) do update set address = excluded.address",
            )
            .await;
        world.pass_time(DAY * 700).await;
        world
            .db
            .execute(&format!(
                "update landing_leads set updated_at = now() where id = '{}';
                 insert into submissions (lead_id) values ('{}');
                 insert into scheduled_notifications (id, lead_id, scheduled_for, source, open_channels, wake_at)
                 values (gen_random_uuid(), '{}', now(), 'x', 2, 'infinity')",
                clicks.lead, submits.lead, waits.lead
            ))
            .await;
        after(&world, 20).await;
        assert_eq!(world.db.count("landing_leads").await, 5 - 1);
        for stays in [&clicks, &submits, &waits, &shares] {
            assert_eq!(
                world
                    .db
                    .count(&format!("landing_leads where id = '{}'", stays.lead))
                    .await,
                1
            );
        }
        assert_eq!(
            world.db.count("crm_people").await,
            1,
            "another lead has the phone"
        );
        is_erased(&world.db, &silent).await;
    });
}

/// The form's statement is not committed yet when the sweep decides: it holds the lead, or its row is already newer.
#[test]
fn a_lead_that_comes_back_at_this_moment_is_not_erased() {
    run(async {
        for commits_first in [false, true] {
            let world = World::new().await;
            let (back, silent) = (delivered(&world).await, delivered(&world).await);
            world.pass_time(DAY * 800).await;
            let form = Database::open(world.db.url.clone()).await;
            let submission = format!(
                "begin;
                 insert into landing_leads (id, name, email, phone, source)
                     select gen_random_uuid(), name, email, phone, source from landing_leads where id = '{lead}'
                     on conflict (email, phone) do update set email = excluded.email;
                 insert into submissions (lead_id) values ('{lead}')",
                lead = back.lead
            );
            form.execute(&submission).await;
            // The sweep has chosen its leads and waits for this person.
            world
                .db
                .execute("insert into crm_people (phone) select phone from landing_leads")
                .await;
            let person = Database::open(world.db.url.clone()).await;
            person.execute("begin; select from crm_people for update").await;
            let sweeps = sweep(&world);
            let commits = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                if commits_first {
                    form.execute("commit").await;
                }
                person.execute("commit").await;
                if !commits_first {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    form.execute("commit").await;
                }
            };
            futures::future::join(sweeps, commits).await;
            assert_eq!(
                world
                    .db
                    .count(&format!("landing_leads where id = '{}'", back.lead))
                    .await,
                1
            );
            assert_eq!(count_of(&world.db, "submissions", &back).await, 2);
            assert_eq!(
                world
                    .db
                    .count(&format!("landing_leads where id = '{}'", silent.lead))
                    .await,
                0
            );
        }
    });
}
