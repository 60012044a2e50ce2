//! When what is old goes: each kind in its turn, after the waking.

use crate::retention::HOUR;
use crate::support::held::sweep;
use harness::postgres::connect;
use harness::world::{Database, World, run};
use proftest::domain::retention::{Expiring, Retention};

async fn add_old_clicks(db: &Database, count: u32) {
    let sql = format!(
        "insert into clicks (id, lead_id, source, clicked_at)
         select gen_random_uuid(), (select id from landing_leads limit 1), 'sms', now() - interval '91 days'
         from generate_series(1, {count})"
    );
    db.execute(&sql).await;
}

#[test]
fn each_kind_has_its_turn_once_an_hour_and_takes_bounded_batches() {
    run(async {
        let world = World::new().await;
        world.lead_in(HOUR).await;
        add_old_clicks(&world.db, 10_500).await;
        let age = Retention::default().age(Expiring::Clicks);
        let store = world.db.store_as("sweep");
        let first = store.expire(Expiring::Clicks, age, 100).await.unwrap();
        assert_eq!((first.rows, first.more), (100, true));
        sweep(&world).await;
        assert_eq!(world.db.count("clicks").await, 400, "ten thousand a turn");
        sweep(&world).await;
        assert_eq!(world.db.count("clicks").await, 400, "not within the hour");
        world.pass_time(HOUR).await;
        sweep(&world).await;
        assert_eq!(world.db.count("clicks").await, 0);
    });
}

#[test]
fn a_kind_that_fails_stops_neither_the_others_nor_the_waking() {
    run(async {
        let world = World::new().await;
        world.lead().await;
        add_old_clicks(&world.db, 5).await;
        world
            .db
            .execute(
                "insert into intake_counts (key, second, second_n, hour, hour_n, day, day_n) values ('\\x01', 0, 1, 0, 1, 0, 1);
                 insert into consents (submission_id, lead_id, collected_by, withdrawn_at)
                 values (gen_random_uuid(), gen_random_uuid(), 'page', now() - interval '4 years');
                 create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
                 create trigger broken before delete on clicks for each row execute function broken();
                 create trigger broken before delete on intake_counts for each row execute function broken();
                 update scheduled_notifications set wake_at = now()",
            )
            .await;
        assert_eq!(sweep(&world).await.notifications, 1);
        assert_eq!(
            world.db.count("consents where withdrawn_at is not null").await,
            0,
            "their turn comes after the clicks"
        );
        assert_eq!(world.db.count("clicks").await, 5);
    });
}

#[test]
fn switched_off_nothing_goes_and_nothing_younger_than_a_month_ever_does() {
    run(async {
        let mut world = World::new().await;
        world.changes.insert("RETENTION", "off".to_owned());
        world.lead_in(HOUR).await;
        add_old_clicks(&world.db, 5).await;
        sweep(&world).await;
        assert_eq!(world.db.count("clicks").await, 5);
        let client = connect(&world.db.url).await.unwrap();
        for (what, age) in [
            ("clicks", "30 days"),
            ("hit_addresses", "6 days"),
            ("leads", "0 days"),
            ("clicks", "-1 days"),
            ("nothing", "1 year"),
        ] {
            let sql = format!("select * from funnel.expire('{what}', '{age}', 10)");
            assert!(client.batch_execute(&sql).await.is_err(), "{sql}");
        }
        assert_eq!(world.db.count("clicks").await, 5);
    });
}
