//! Stored hits get the verdicts of today's rules; flags and counts follow, and the CRM hears nothing of it.

use crate::support::hits::{CHROME, FACEBOOK, counts, hit};
use crate::track::flags;
use harness::world::{Waiting, World, run};
use proftest::domain::delivery::Channel;
use proftest::domain::hit::RULES_VERSION;
use proftest::store::Target;
use serde_json::{Value, json};
use std::time::Duration;

/// A person and a preview on each channel, an hour apart.
async fn visited(world: &World) -> Waiting {
    let waiting = world.sent_lead().await;
    let store = world.db.store_as("track");
    for agent in [FACEBOOK, CHROME] {
        for channel in Channel::ALL {
            let hit = hit(Target::Lead(waiting.lead, channel), agent);
            store.record_hit(&hit).await.unwrap().unwrap();
        }
        world.pass_time(Duration::from_hours(1)).await;
    }
    world
        .db
        .execute("update crm_tasks set state = 'done', pending_notes = '{}'")
        .await;
    waiting
}

/// What older rules may have said: everything was a person's, at the time of the first.
const TOO_KIND: &str = "update clicks set verdict = 'human', rule = 'older_browser', rules_version = 0;
     update hit_counts set human = human + bot, bot = 0;
     update landing_leads l set click_count = 4,
         email_clicked_at = (select min(clicked_at) from clicks c where c.lead_id = l.id and source = 'email'),
         sms_clicked_at = (select min(clicked_at) from clicks c where c.lead_id = l.id and source = 'sms')";
/// Or nobody was.
const TOO_STRICT: &str = "update clicks set verdict = 'bot', rule = 'bot_word', rules_version = 0;
     update hit_counts set bot = human + bot, human = 0;
     update landing_leads l set click_count = 0, email_clicked = false, email_clicked_at = null, sms_clicked = false,
         sms_clicked_at = null";

async fn rejudge(world: &World, apply: bool) -> Vec<String> {
    ops::rejudge::run(&world.db.store_as("ops"), "dana", apply)
        .await
        .unwrap()
}

async fn all(world: &World, waiting: &Waiting) -> Value {
    json!([
        flags(&world.db, waiting).await,
        counts(&world.db, waiting).await,
        world
            .db
            .rows("select verdict, rule, rules_version from clicks order by id")
            .await,
        world
            .db
            .rows("select state, revision, pending_notes from crm_tasks")
            .await,
    ])
}

#[test]
fn flags_and_counts_become_what_the_rules_of_today_say() {
    run(async {
        for (older, change) in [(TOO_KIND, "human → bot: 2"), (TOO_STRICT, "bot → human: 2")] {
            let world = World::new().await;
            let waiting = visited(&world).await;
            let right = all(&world, &waiting).await;
            assert_eq!(right[1], json!([2, 2, 0]));
            assert_eq!(right[0]["click_count"], 2);
            world.db.execute(older).await;
            let wrong = all(&world, &waiting).await;
            assert_ne!(wrong, right);

            let lines = rejudge(&world, false).await;
            assert_eq!(
                lines,
                [
                    change.to_owned(),
                    format!("Would be judged by the rules of today ({RULES_VERSION}): 4 hits.")
                ]
            );
            assert_eq!(all(&world, &waiting).await, wrong, "a dry run changes nothing");
            assert_eq!(
                world.db.count("audit").await + world.db.count("lead_events where what = 'rejudge'").await,
                0
            );

            let lines = rejudge(&world, true).await;
            assert_eq!(lines[0], change);
            assert_eq!(all(&world, &waiting).await, right);
            let audit = world.db.row("select actor, act, detail from audit").await;
            assert_eq!(
                audit["detail"],
                json!({"rules_version": RULES_VERSION, "hits": 4, "leads": 1})
            );
            assert_eq!(json!([audit["actor"], audit["act"]]), json!(["dana", "rejudge"]));
            // Four rules changed, also where the verdict stayed.
            assert_eq!(
                world
                    .db
                    .count("lead_events where what = 'rejudge' and detail ? 'was'")
                    .await,
                4
            );

            let lines = rejudge(&world, true).await;
            assert_eq!(
                lines,
                [format!(
                    "Every hit was judged by the rules of today ({RULES_VERSION})."
                )]
            );
            assert_eq!(world.db.count("audit").await, 1);
        }
    });
}

#[test]
fn time_has_its_say_again_and_a_filter_s_network_is_enough_when_its_address_is_gone() {
    run(async {
        let world = World::new().await;
        let waiting = visited(&world).await;
        world
            .db
            .execute(
                "update clicks set sent_at = clicked_at - interval '1 second' where source = 'email' and verdict = 'human';
                 update clicks set network = '104.47.22.0/24', address = null where source = 'sms' and verdict = 'human';
                 update clicks set rules_version = 0",
            )
            .await;
        rejudge(&world, true).await;
        let rules = world
            .db
            .rows("select source, rule from clicks where rule <> 'preview' order by source")
            .await;
        assert_eq!(
            rules,
            [
                json!({"source": "email", "rule": "too_soon"}),
                json!({"source": "sms", "rule": "mail_filter_network"})
            ]
        );
        let flags = flags(&world.db, &waiting).await;
        assert_eq!(
            flags,
            json!({"email_clicked": false, "email_clicked_at": null, "sms_clicked": false, "sms_clicked_at": null, "click_count": 0})
        );
    });
}

#[test]
fn what_was_counted_before_there_were_rules_stays_and_so_does_a_flag_whose_row_is_gone() {
    run(async {
        let world = World::new().await;
        let waiting = visited(&world).await;
        let lead = waiting.lead;
        // One of the release before, and a click on the SMS of which the raw row has expired.
        world
            .db
            .execute(&format!(
                "select funnel.click(gen_random_uuid(), null, '{lead}', 'email', null);
                 update landing_leads set sms_clicked_at = now() - interval '100 days', click_count = click_count + 1;
                 update hit_counts set human = human + 1 where channel = 'sms';
                 update clicks set verdict = 'bot', rule = 'bot_word', rules_version = 0 where verdict = 'human';
                 update hit_counts set human = human - 1, bot = bot + 1;
                 update landing_leads set click_count = click_count - 2"
            ))
            .await;
        let before = flags(&world.db, &waiting).await;
        assert_eq!(before["click_count"], 2);
        rejudge(&world, true).await;
        let after = flags(&world.db, &waiting).await;
        assert_eq!(after["click_count"], 4);
        assert_eq!(
            after["sms_clicked_at"], before["sms_clicked_at"],
            "the first click's time is kept"
        );
        assert_eq!(
            json!([after["email_clicked"], after["sms_clicked"]]),
            json!([true, true])
        );
        assert_eq!(world.db.count("clicks where verdict is null").await, 1);
    });
}

#[test]
fn more_hits_than_one_statement_takes_are_all_judged() {
    run(async {
        let world = World::new().await;
        world.sent_lead().await;
        world
            .db
            .execute(
                "insert into clicks (id, lead_id, source, user_agent, verdict, rule, rules_version, method, headers)
                 select gen_random_uuid(), l.id, 'sms', 'curl/8', 'human', 'older_browser', 0, 'GET', '{}'
                 from landing_leads l, generate_series(1, 1201);
                 insert into hit_counts (lead_id, channel, human) select id, 'sms', 1201 from landing_leads;
                 update landing_leads set click_count = 1201, sms_clicked = true, sms_clicked_at = now()",
            )
            .await;
        for apply in [false, true] {
            assert_eq!(rejudge(&world, apply).await[0], "human → bot: 1201");
        }
        assert_eq!(
            world
                .db
                .count("clicks where verdict = 'bot' and rule = 'http_library'")
                .await,
            1201
        );
        let row = world
            .db
            .row("select click_count, sms_clicked, sms_clicked_at from landing_leads")
            .await;
        assert_eq!(
            row,
            json!({"click_count": 0, "sms_clicked": false, "sms_clicked_at": null})
        );
        assert_eq!(world.db.count("audit where act = 'rejudge'").await, 3);
    });
}
