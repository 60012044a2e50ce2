//! What is told of a statement that the database refuses: names of the schema, and no value of a person.

use harness::postgres::connect;
use harness::world::{Database, run};
use ops::migrate::migrate;
use proftest::failpoint::Step;
use proftest::failure::chain;
use proftest::store::{StoreError, Typed, param};
use serde_json::{Map, Value};
use tokio_postgres::types::Json;

const EMAIL: &str = "aigerim.secret@example.com";
const PHONE: &str = "+77015550123";
const NAME: &str = "Айгерим Тайная";

const INSERT: &str = "insert into landing_leads (id, name, email, phone, source)
     values (gen_random_uuid(), $1, $2, $3, 'proftest') returning true";
/// Like INSERT, by a column that must not be null and fails after the contacts have been read.
const NO_SOURCE: &str = "insert into landing_leads (id, name, email, phone, source)
     values (gen_random_uuid(), $1, $2, $3, null) returning true";

/// Everything that a log could get of the error.
fn told(error: &StoreError) -> String {
    format!("{} | {error:?} | {error:#?}", chain(error))
}

fn assert_told(error: &StoreError, names: &str) {
    assert_eq!(
        chain(error),
        format!("the database refused the statement: {names}")
    );
    assert_no_person(&told(error));
}

fn assert_no_person(text: &str) {
    for value in [EMAIL, "secret", PHONE, "5550123", NAME, "Тайная"] {
        assert!(!text.contains(value), "{value} is told: {text}");
    }
}

async fn refused(db: &Database, sql: &str, values: &[&str]) -> StoreError {
    let params: Vec<_> = values.iter().map(param).collect();
    let refused = db.store().run(Step::Command("test"), sql, &params).await;
    refused.map(|rows| rows.len()).unwrap_err()
}

/// The server itself does quote them: otherwise these tests would show nothing.
async fn assert_quoted(db: &Database, sql: &str, values: &[&str]) {
    let client = connect(&db.url).await.unwrap();
    let params: Vec<_> = values
        .iter()
        .map(|value| (value as &(dyn tokio_postgres::types::ToSql + Sync), <&str>::TYPE))
        .collect();
    let error = client.query_typed(sql, &params).await.unwrap_err();
    let answer = error.as_db_error().unwrap().to_string();
    assert!(answer.contains(EMAIL), "{answer}");
}

#[test]
fn a_broken_constraint_is_told_by_its_name_and_not_by_the_person() {
    run(async {
        let db = Database::fresh().await;
        let person = [NAME, EMAIL, PHONE];
        let params: Vec<_> = person.iter().map(param).collect();
        let saved = db.store().run(Step::Command("test"), INSERT, &params).await;
        assert_eq!(saved.unwrap().len(), 1);
        for (sql, names) in [
            (
                INSERT,
                "SQLSTATE 23505, constraint landing_leads_identity, table landing_leads",
            ),
            (NO_SOURCE, "SQLSTATE 23502, table landing_leads, column source"),
        ] {
            assert_quoted(&db, sql, &person).await;
            assert_told(&refused(&db, sql, &person).await, names);
        }
    });
}

#[test]
fn a_value_that_the_server_cannot_read_is_not_quoted() {
    run(async {
        let db = Database::fresh().await;
        let sql = "select ($1::text)::uuid";
        assert_quoted(&db, sql, &[EMAIL]).await;
        assert_told(&refused(&db, sql, &[EMAIL]).await, "SQLSTATE 22P02");
    });
}

/// The parser of JSON quotes what it cannot read.
#[test]
fn a_value_that_we_cannot_read_is_not_quoted() {
    run(async {
        let db = Database::fresh().await;
        let sql = "select to_jsonb($1::text) as metadata";
        let read = |row: &proftest::store::Row| {
            let quoted = row.try_get::<_, Json<Map<String, Value>>>("metadata");
            assert!(
                chain(quoted.as_ref().err().unwrap()).contains(EMAIL),
                "{quoted:?}"
            );
            Ok(quoted?.0)
        };
        let read = db
            .store()
            .one(Step::Command("test"), sql, &[param(&EMAIL)], read)
            .await;
        let error = read.unwrap_err();
        assert!(matches!(error, StoreError::Unreadable(_)), "{error:?}");
        assert_eq!(
            chain(&error),
            "a row cannot be read: error deserializing column 0"
        );
        assert_no_person(&told(&error));
    });
}

/// Who migrates must know what the server says, but GitHub's log must not know who is in the table.
#[test]
fn a_migration_that_fails_is_told_with_the_server_s_message_and_without_its_detail() {
    run(async {
        let db = Database::unmigrated().await;
        db.execute(&format!(
            "create function refuse() returns event_trigger language plpgsql as $$ begin
                 raise exception 'no table today' using detail = 'Key (email)=({EMAIL}) is duplicated.',
                     hint = 'Ask {NAME}.', errcode = '23505', table = 'landing_leads';
             end $$;
             create event trigger refuse on ddl_command_end when tag in ('CREATE INDEX') execute function refuse()"
        ))
        .await;
        let mut client = connect(&db.url).await.unwrap();
        let error = migrate(&mut client).await.unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("no table today (SQLSTATE 23505, table landing_leads)"),
            "{said}"
        );
        assert_no_person(&format!("{} | {error:?}", chain(&error)));
    });
}
