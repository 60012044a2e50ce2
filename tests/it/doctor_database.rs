//! `doctor` on databases: in order, and with each fault.

use crate::support::doctor::Examined;
use harness::certificates::Authority;
use harness::world::{Database, Route, run, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn without_tls() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read_exact(&mut [0; 8]).await;
            let _ = client.write_all(b"N").await;
        }
    });
    port
}

fn text<'a>(changes: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    changes
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[test]
fn a_database_that_cannot_be_reached_is_explained() {
    run(async {
        let examined = Examined::new().await;
        let port = Route::direct(&examined.db.url).port;
        examined.fine(&[], "reached without TLS").await;
        let url = examined.db.url.replace("//postgres:", "//postgres:no");
        assert_ne!(url, examined.db.url);
        examined
            .wrong(&[("DATABASE_URL", &url)], "user or password is wrong")
            .await;
        let closed = examined.db.url.replace(&format!(":{port}/"), ":1/");
        examined
            .each_wrong(&[
                ("DATABASE_URL", &closed, "it cannot be reached"),
                (
                    "DATABASE_URL",
                    &format!("{}_gone", examined.db.url),
                    "no such database",
                ),
            ])
            .await;
    });
}

#[test]
fn tls_is_examined_with_the_root_and_the_host_name() {
    run(async {
        let Some(server) = tls().await else { return };
        let examined = Examined::new().await;
        let by_name = server.route(examined.db.name());
        let ca = server.ca_pem.clone();
        let seen =
            |route: &Route, ca: &str| [("DATABASE_URL", route.url()), ("DATABASE_CA_PEM", ca.to_owned())];
        let good = seen(&by_name, &ca);
        examined
            .fine(&text(&good), "signed by DATABASE_CA_PEM and names the host")
            .await;
        let by_address = server.route_to("127.0.0.1", examined.db.name());
        let plain = Route {
            port: without_tls().await,
            ..by_name.clone()
        };
        let other = Authority::new().unwrap().pem;
        for (route, ca, part) in [
            (&by_name, &other, "not signed by DATABASE_CA_PEM"),
            (&by_address, &ca, "names another host"),
            (&plain, &ca, "the server offers no TLS"),
        ] {
            examined.wrong(&text(&seen(route, ca)), part).await;
        }
    });
}

#[test]
fn the_schema_is_compared_with_this_checkout() {
    run(async {
        let examined = Examined::new().await;
        let count = ops::migrate::known().len();
        examined
            .fine(&[], &format!("all {count} migrations are applied"))
            .await;
        let bare = Database::unmigrated().await;
        examined
            .wrong(
                &[("DATABASE_URL", &bare.url)],
                "not migrated (V1__funnel, V2__crm",
            )
            .await;
        assert_eq!(
            bare.count("pg_tables where schemaname = 'public'").await,
            0,
            "doctor made a table"
        );

        let last = format!("update refinery_schema_history set checksum = '1' where version = {count}");
        examined.db.execute(&last).await;
        examined.wrong(&[], "was applied with another text").await;
        examined
            .db
            .execute(&format!(
                "delete from refinery_schema_history where version = {count}"
            ))
            .await;
        examined.wrong(&[], "missing): run").await;
    });
}

#[test]
fn a_schema_newer_than_this_checkout_is_told_apart() {
    run(async {
        let examined = Examined::new().await;
        examined
            .db
            .execute("insert into refinery_schema_history (version, name, applied_on, checksum) values (999, 'x', '', '1')")
            .await;
        examined.wrong(&[], "migration 999 is newer").await;
    });
}

#[test]
fn tables_open_to_supabases_anonymous_role_are_named() {
    run(async {
        let examined = Examined::new().await;
        examined.fine(&[], "row level security closes all").await;
        examined
            .db
            .execute("alter table clicks disable row level security")
            .await;
        examined.wrong(&[], "row level security is off for clicks").await;
    });
}

#[test]
fn a_user_from_whom_row_level_security_hides_the_rows_is_found() {
    run(async {
        let examined = Examined::new().await;
        let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
        let sql = format!(
            "create role {role} login password 'reader'; grant select on all tables in schema public to {role}"
        );
        examined.db.execute(&sql).await;
        let (_, place) = examined.db.url.split_once('@').unwrap();
        let url = format!("postgres://{role}:reader@{place}");
        let findings = examined.examine(&[("DATABASE_URL", &url)]).await;
        assert!(
            findings
                .iter()
                .any(|one| one.sentence.contains("belongs to another user")),
            "{findings:#?}"
        );
        examined
            .db
            .execute(&format!("drop owned by {role}; drop role {role}"))
            .await;
    });
}
