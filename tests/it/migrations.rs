//! The schema: applied once, by however many, and holding to the contract.

use harness::postgres::connect;
use harness::world::{Database, Waiting, World, run};
use ops::migrate::{MigrateError, migrate};
use proftest::failure::chain;
use proftest::store::StoreError;
use serde_json::json;

#[test]
fn eight_runs_at_once_all_succeed_and_one_of_them_does_the_work() {
    run(async {
        let db = Database::unmigrated().await;
        let runs = (0..8).map(|_| async {
            let mut client = connect(&db.url).await.unwrap();
            migrate(&mut client).await.unwrap().applied.len()
        });
        let applied = futures::future::join_all(runs).await;
        assert_eq!(
            applied.iter().filter(|count| **count > 0).count(),
            1,
            "{applied:?}"
        );
    });
}

const NEWER: &str = "insert into refinery_schema_history (version, name, applied_on, checksum)
    select 9999, 'of_a_later_release', applied_on, '1' from refinery_schema_history where version = 1";

/// A release that is rolled back leaves its schema behind.
#[test]
fn an_older_checkout_leaves_a_newer_schema_as_it_is_and_says_so() {
    run(async {
        let db = Database::fresh().await;
        db.execute(NEWER).await;
        let history = "select * from refinery_schema_history order by version";
        let before = db.rows(history).await;
        let mut client = connect(&db.url).await.unwrap();
        let migrated = migrate(&mut client).await.unwrap();
        assert!(migrated.applied.is_empty(), "{migrated:?}");
        let said = migrated.to_string();
        assert!(
            said.contains("newer than this checkout, by V9999__of_a_later_release"),
            "{said}"
        );
        assert_eq!(db.rows(history).await, before);
    });
}

#[test]
fn another_history_is_refused_and_the_lock_given_back() {
    run(async {
        // A migration in between that the checkout lacks; one of the checkout's own that was never applied; one that
        // was applied otherwise. The newer one excuses none of them.
        for damage in [
            "update refinery_schema_history set version = -7 where version = 1",
            "delete from refinery_schema_history where version = 2",
            "update refinery_schema_history set checksum = '1' where version = 2",
        ] {
            for newer in [NEWER, "select 1"] {
                let db = Database::fresh().await;
                db.execute(newer).await;
                db.execute(damage).await;
                let mut client = connect(&db.url).await.unwrap();
                let refused = migrate(&mut client).await.unwrap_err();
                assert!(
                    matches!(refused, MigrateError::Migration(_)),
                    "{damage}: {refused}"
                );
                let locks = "select count(*) as held from pg_locks where locktype = 'advisory'
                             and database = (select oid from pg_database where datname = current_database())";
                assert_eq!(db.row(locks).await["held"], 0, "{damage}");
            }
        }
    });
}

/// Table, index, columns: a contract with the team's own queries.
const INDEXES: &str = "
landing_leads idx_landing_leads_email (email)
landing_leads idx_landing_leads_phone (phone)
landing_leads idx_landing_leads_created_at (created_at DESC)
landing_leads idx_landing_leads_amocrm_lead_id (amocrm_lead_id) WHERE (amocrm_lead_id IS NOT NULL)
landing_leads idx_landing_leads_email_tracking (email, email_sent, email_clicked)
landing_leads idx_landing_leads_sms_tracking (phone, sms_sent, sms_clicked)
landing_leads idx_landing_leads_source (source)
landing_leads idx_landing_email_sent (email_sent)
scheduled_notifications idx_scheduled_notifications_lead_id (lead_id)
scheduled_notifications idx_scheduled_notifications_pending (scheduled_for, created_at) WHERE (status = 'pending'::text)
scheduled_notifications idx_scheduled_notifications_scheduled_for (scheduled_for)
scheduled_notifications idx_scheduled_notifications_status (status, scheduled_for)
scheduled_notifications idx_scheduled_notifications_source (source)";

#[test]
fn the_thirteen_indexes_bear_their_names_and_columns() {
    run(async {
        let db = Database::fresh().await;
        let lines: Vec<&str> = INDEXES.lines().skip(1).collect();
        assert_eq!(lines.len(), 13);
        for line in lines {
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let [table, index, columns] = words[..] else {
                panic!("{line}")
            };
            let row = db
                .row(&format!(
                    "select tablename, indexdef from pg_indexes where indexname = '{index}'"
                ))
                .await;
            assert_eq!(row["tablename"], table);
            let definition = row["indexdef"].as_str().unwrap();
            assert!(
                definition.ends_with(&format!(" USING btree {columns}")),
                "{definition}"
            );
        }
    });
}

#[test]
fn a_person_is_one_lead_by_a_unique_index() {
    run(async {
        let db = Database::fresh().await;
        let unique = db
            .rows(
                "select indexdef from pg_indexes where tablename = 'landing_leads' and indexdef ~ 'UNIQUE'
                   and indexname = 'landing_leads_identity'",
            )
            .await;
        assert!(
            unique[0]["indexdef"]
                .as_str()
                .unwrap()
                .ends_with("(email, phone)"),
            "{unique:?}"
        );
    });
}

#[test]
fn the_hand_written_queries_find_their_columns() {
    run(async {
        let db = Database::fresh().await;
        let leads = "id, name, email, phone, source, amocrm_lead_id, email_sent, email_sent_at, email_clicked,
                     email_clicked_at, sms_sent, sms_sent_at, sms_clicked, sms_clicked_at, click_count, metadata,
                     created_at, updated_at";
        let notifications =
            "id, lead_id, type, status, scheduled_for, sent_at, email_sent, sms_sent, source, created_at";
        db.rows(&format!("select {leads} from landing_leads")).await;
        db.rows(&format!("select {notifications} from scheduled_notifications"))
            .await;
    });
}

/// A lead whose rows have this value in this column, as if a later schema had it.
async fn newer(table: &str, column: &str, value: &str) -> (World, Waiting) {
    let world = World::new().await;
    let waiting = world.lead().await;
    let sql = format!(
        "alter table {table} drop constraint {table}_{column}_check; update {table} set {column} = '{value}'"
    );
    world.db.execute(&sql).await;
    (world, waiting)
}

fn assert_unreadable(error: &StoreError, word: &str) {
    assert!(matches!(error, StoreError::Unreadable(_)), "{error:?}");
    assert!(chain(error).contains(word), "{}", chain(error));
}

#[test]
fn a_status_that_this_version_does_not_know_is_an_error_with_its_name() {
    run(async {
        let (world, waiting) = newer("scheduled_notifications", "status", "paused").await;
        let error = world.db.store().claim(waiting.id, &json!({})).await.unwrap_err();
        assert_unreadable(&error, "\"paused\"");
    });
}

#[test]
fn a_task_state_that_this_version_does_not_know_is_an_error_with_its_name() {
    run(async {
        let (world, waiting) = newer("crm_tasks", "state", "paused").await;
        let error = world.db.store().claim_crm(waiting.lead).await.unwrap_err();
        assert_unreadable(&error, "\"paused\"");
    });
}

#[test]
fn row_security_closes_every_table_to_all_but_the_functions_own_roles() {
    run(async {
        let db = Database::fresh().await;
        let tables = db
            .rows(
                "select c.relname as name, c.relrowsecurity as closed,
                          (select count(*) from pg_policy p where p.polrelid = c.oid
                           and p.polname !~ '^proftest_') as policies
                   from pg_class c join pg_namespace s on s.oid = c.relnamespace
                   where s.nspname = 'public' and c.relkind in ('r', 'p')",
            )
            .await;
        assert!(tables.len() >= 7, "{tables:?}");
        for table in &tables {
            assert_eq!(
                json!([table["closed"], table["policies"]]),
                json!([true, 0]),
                "{table}"
            );
        }
    });
}
