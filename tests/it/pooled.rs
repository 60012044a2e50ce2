//! A transaction pooler between the functions and the database, whatever way the run as a whole takes.

use futures::future::join_all;
use harness::postgres::connect;
use harness::world::{Connection, Database, ROLE, Route, SERVERS, USER, eventually, pooler, run};
use ops::migrate::{MigrateError, migrate_database};
use ops::roles::Plan;
use proftest::store::Store;
use serde_json::json;
use std::time::Duration;
use tokio_postgres::error::SqlState;

const CLIENTS: usize = 20;

fn store(route: &Route) -> Store {
    Store::new(&route.config(), 1, Duration::from_secs(20)).unwrap()
}

fn sessions(db: &Database) -> String {
    let name = db.name();
    format!("pg_stat_activity where datname = '{name}' and application_name = 'proftest'")
}

#[test]
fn the_functions_take_the_connection_of_this_run_and_no_other() {
    run(async {
        let db = Database::fresh().await;
        let (owner, crm) = (db.store(), db.store_as("crm"));
        owner.gate().await.unwrap();
        crm.gate().await.unwrap();
        let sql = format!(
            "select distinct usename, ssl from pg_stat_ssl join (select * from {}) s using (pid) order by usename",
            sessions(&db)
        );
        let (role, encrypted) = match Connection::chosen() {
            Connection::Direct | Connection::Pooler => ("postgres", false),
            Connection::Tls => (ROLE, true),
        };
        let mut expected = [role, "proftest_crm"];
        expected.sort_unstable();
        let expected = expected.map(|role| json!({"usename": role, "ssl": encrypted}));
        assert_eq!(db.rows(&sql).await, expected);
        if Connection::chosen() == Connection::Pooler {
            let pooler = pooler().await.unwrap();
            let owner = pooler.route(db.name());
            for (route, user) in [(&owner, USER), (&db.route("crm"), "proftest_crm")] {
                let clients = pooler.show("clients", route).await;
                assert!(clients.iter().any(|client| client["user"] == user), "{clients:?}");
            }
            // The server itself refuses these credentials.
            let route = Route {
                port: Route::direct(&db.url).port,
                ..owner
            };
            let refused = connect(&route.url()).await.err().unwrap();
            assert_eq!(refused.code(), Some(&SqlState::INVALID_PASSWORD));
        }
    });
}

#[test]
fn many_clients_share_few_connections_to_the_server() {
    run(async {
        let Some(pooler) = pooler().await else { return };
        let db = Database::fresh().await;
        let stores: Vec<Store> = (0..CLIENTS).map(|_| store(&pooler.route(db.name()))).collect();
        for _ in 0..5 {
            let asked = join_all(stores.iter().map(Store::gate)).await;
            assert!(asked.iter().all(Result::is_ok), "{asked:?}");
        }
        assert_eq!(
            pooler.show("clients", &pooler.route(db.name())).await.len(),
            CLIENTS
        );
        let servers = db.count(&sessions(&db)).await;
        assert!(
            (1..=i64::try_from(SERVERS).unwrap()).contains(&servers),
            "{servers}"
        );
    });
}

/// Otherwise runs through this pooler would prove nothing about Supabase's.
#[test]
#[allow(clippy::disallowed_methods, reason = "to see that what is disallowed breaks")]
fn this_pooler_breaks_named_statements_as_production_s_does() {
    run(async {
        let Some(pooler) = pooler().await else { return };
        let db = Database::fresh().await;
        let url = pooler.route(db.name()).url();
        let (client, other) = (connect(&url).await.unwrap(), connect(&url).await.unwrap());
        let statement = client.prepare("select 1").await.unwrap();
        // The connection on which it was prepared is the one that is handed out next.
        other.batch_execute("begin").await.unwrap();
        let lost = client.query(&statement, &[]).await.unwrap_err();
        assert_eq!(
            lost.code(),
            Some(&SqlState::INVALID_SQL_STATEMENT_NAME),
            "{lost:?}"
        );
        other.batch_execute("rollback").await.unwrap();
    });
}

#[test]
fn a_server_connection_that_dies_under_a_statement_costs_the_function_nothing() {
    run(async {
        let Some(pooler) = pooler().await else { return };
        let db = Database::fresh().await;
        let store = store(&pooler.route(db.name()));
        // Not `db`: within a transaction, what pg_stat_activity has shown once does not change.
        let holder = Database::open(db.url.clone()).await;
        holder
            .execute("begin; lock table crm_gate in access exclusive mode")
            .await;
        let kill = format!(
            "select pg_terminate_backend(pid) from {} and wait_event_type = 'Lock'",
            sessions(&db)
        );
        let death = async {
            eventually(
                "a statement waits and is killed",
                Duration::from_secs(10),
                async || (!db.rows(&kill).await.is_empty()).then_some(()),
            )
            .await;
            holder.execute("rollback").await;
        };
        let (asked, ()) = futures::join!(store.gate(), death);
        assert!(asked.is_ok(), "{asked:?}");
    });
}

/// One transaction needs no session.
#[test]
fn roles_are_brought_in_line_through_it() {
    run(async {
        let Some(pooler) = pooler().await else { return };
        let db = Database::fresh().await;
        db.execute("grant select on landing_leads to proftest_track; drop policy proftest_crm on crm_gate")
            .await;
        let owner = pooler.route(db.name()).config();
        let lines = ops::roles::run(&owner, &Plan::default(), None).await.unwrap();
        let line = "proftest_track: routine funnel.hit(";
        assert!(lines.iter().any(|told| told.starts_with(line)), "{lines:#?}");
        assert!(
            !lines.iter().any(|told| told.starts_with("proftest_track: table")),
            "{lines:#?}"
        );
        db.store_as("crm").shut_gate(None, "test").await.unwrap();
        assert_eq!(db.count("crm_gate where reason = 'test'").await, 1);
    });
}

#[test]
fn migrations_refuse_to_go_through_it_and_touch_nothing() {
    run(async {
        let Some(pooler) = pooler().await else { return };
        let db = Database::unmigrated().await;
        let refused = migrate_database(&pooler.route(db.name()).config()).await;
        let said = refused
            .as_ref()
            .err()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(matches!(refused, Err(MigrateError::Pooled)), "{refused:?}");
        assert!(said.contains("session mode"), "{said}");
        assert_eq!(db.count("pg_tables where schemaname = 'public'").await, 0);
        let direct = Route::direct(&db.url).config();
        assert!(!migrate_database(&direct).await.unwrap().applied.is_empty());
    });
}
