//! TLS to the database: verified, or nothing is said at all.

use harness::certificates::Authority;
use harness::world::{Database, HOST, ROLE, Route, TlsServer, run, tls};
use proftest::config;
use proftest::store::{Store, connect};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What the client says first when it wants TLS: length 8, code 80877103. Source: PostgreSQL documentation,
/// SSLRequest.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A store over this route; it has asked the database something, or says why it could not. The other way to a
/// connection must agree with it.
async fn ask(database: &config::Database) -> Result<Store, String> {
    let store = Store::new(database, 1, Duration::from_secs(5)).map_err(|error| error.to_string())?;
    let asked = store.gate().await.map_err(|error| error.to_string());
    let connected = connect(database).await.map_err(|error| error.to_string());
    assert_eq!(asked.as_ref().err(), connected.as_ref().err());
    asked.map(|_| store)
}

async fn refusal(database: &config::Database, server: &TlsServer) -> String {
    let said = ask(database).await.err().expect("it is refused");
    assert!(!said.contains(&server.password), "the password is told");
    said
}

#[test]
fn the_right_root_and_the_right_name_are_let_in_and_all_that_is_said_is_encrypted() {
    run(async {
        let Some(server) = tls().await else { return };
        let db = Database::fresh().await;
        let mut route = server.route(db.name());
        // The root alone decides: a URL cannot weaken it.
        for weak in ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require"] {
            route.name = format!("{}{weak}", db.name());
            let _open = ask(&route.config()).await.unwrap();
            let sessions = db
                .row(&format!(
                    "select count(*) as n, bool_and(ssl) as encrypted, min(version) as version
                     from pg_stat_ssl join pg_stat_activity using (pid) where usename = '{ROLE}' and datname = '{}'
                       and application_name = 'proftest'",
                    db.name()
                ))
                .await;
            assert!(sessions["n"].as_i64() >= Some(1), "{sessions}");
            assert_eq!(
                json!([sessions["encrypted"], sessions["version"]]),
                json!([true, "TLSv1.3"])
            );
        }
    });
}

#[test]
fn another_root_of_the_same_name_is_refused() {
    run(async {
        let Some(server) = tls().await else { return };
        let mut route = server.route("postgres");
        route.ca_pem = Some(Authority::new().unwrap().pem);
        let said = refusal(&route.config(), server).await;
        assert!(said.contains("invalid peer certificate"), "{said}");
        assert!(
            said.ends_with("DATABASE_CA_PEM must be the root that signed the server's certificate"),
            "{said}"
        );
    });
}

#[test]
fn the_right_root_under_another_name_is_refused() {
    run(async {
        let Some(server) = tls().await else { return };
        // The same server, but its certificate is for `localhost`.
        let route = server.route_to("127.0.0.1", "postgres");
        let said = refusal(&route.config(), server).await;
        assert!(
            said.contains("invalid peer certificate") && said.contains(HOST),
            "{said}"
        );
        assert!(
            said.ends_with("DATABASE_URL must name the host as the server's certificate does"),
            "{said}"
        );
    });
}

#[test]
fn a_server_without_tls_is_told_nothing_but_that_tls_is_wanted() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let route = Route {
            origin: format!("postgres://{ROLE}:secret@{HOST}"),
            port: listener.local_addr().unwrap().port(),
            name: "postgres".to_owned(),
            ca_pem: Some(Authority::new().unwrap().pem),
        };
        let server = tokio::spawn(async move {
            let mut heard = Vec::new();
            for _ in 0..2 {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut request = [0; SSL_REQUEST.len()];
                client.read_exact(&mut request).await.unwrap();
                heard.extend_from_slice(&request);
                client.write_all(b"N").await.unwrap();
                // Until the client hangs up; one that goes on in the clear would wait for an answer.
                let rest = client.read_to_end(&mut heard);
                let _ = tokio::time::timeout(Duration::from_secs(2), rest).await;
            }
            heard
        });
        let said = ask(&route.config()).await.err().expect("it is refused");
        assert!(
            said.contains("server does not support TLS; DATABASE_CA_PEM is set"),
            "{said}"
        );
        assert!(!said.contains("secret"), "{said}");
        assert_eq!(server.await.unwrap(), [SSL_REQUEST, SSL_REQUEST].concat());
    });
}

#[test]
fn the_tests_own_server_refuses_that_role_unencrypted() {
    run(async {
        let Some(server) = tls().await else { return };
        let mut route = server.route("postgres");
        route.ca_pem = None;
        let said = refusal(&route.config(), server).await;
        assert!(said.contains("no encryption"), "{said}");
    });
}

#[test]
fn a_root_that_cannot_be_read_stops_the_start() {
    run(async {
        for pem in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
            let mut route = Route::direct("postgres://u:secret@127.0.0.1:1/postgres");
            route.ca_pem = Some(pem.to_owned());
            let said = Store::new(&route.config(), 1, Duration::from_secs(1))
                .err()
                .unwrap();
            let said = said.to_string();
            assert!(
                said.contains("DATABASE_CA_PEM") && !said.contains("secret"),
                "{said}"
            );
        }
    });
}
