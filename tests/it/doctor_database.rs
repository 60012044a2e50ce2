//! `doctor` on databases: in order, and with each fault.

use crate::support::doctor::Examined;
use harness::certificates::Authority;
use harness::world::{Database, Route, run, tls};
use ops::roles::MEMBERS;
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

/// Without the functions' own addresses.
fn alone() -> Vec<(&'static str, String)> {
    let functions = MEMBERS.iter().filter(|member| member.name != "ops");
    functions
        .map(|member| (&*member.variable().leak(), String::new()))
        .collect()
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
        let good = &examined.variables["DATABASE_URL"];
        let url = good.replace("//proftest_ops:", "//proftest_ops:no");
        assert_ne!(url, *good);
        examined
            .wrong(&[("DATABASE_URL", &url)], "user or password is wrong")
            .await;
        let closed = good.replace(&format!(":{port}/"), ":1/");
        examined
            .each_wrong(&[
                ("DATABASE_URL", &closed, "it cannot be reached"),
                ("DATABASE_URL", &format!("{good}_gone"), "no such database"),
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
        let seen = |route: &Route, ca: &str| {
            let mut seen = alone();
            seen.extend([("DATABASE_URL", route.url()), ("DATABASE_CA_PEM", ca.to_owned())]);
            seen
        };
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
            (&by_name, &other, "DATABASE_CA_PEM must be the root that signed"),
            (&by_address, &ca, "DATABASE_URL must name the host"),
            (&plain, &ca, "turn it on at the server"),
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

        let newer = "insert into refinery_schema_history (version, name, applied_on, checksum) values (999, 'x', '', '1')";
        examined.db.execute(newer).await;
        examined.wrong(&[], "migration 999 is newer").await;
        let older = "delete from refinery_schema_history where version = 999";
        examined.db.execute(older).await;

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
fn tables_open_to_supabases_anonymous_role_are_named() {
    run(async {
        let examined = Examined::new().await;
        examined.fine(&[], "row level security is on for all").await;
        examined
            .db
            .execute("alter table clicks disable row level security")
            .await;
        examined.wrong(&[], "row level security is off for clicks").await;
    });
}

#[test]
fn roles_are_compared_with_the_list() {
    run(async {
        let examined = Examined::new().await;
        examined.fine(&[], "with exactly the rights it needs").await;
        for (damage, repair, part) in [
            (
                "grant select on landing_leads to proftest_track",
                "revoke select on landing_leads from proftest_track",
                "proftest_track has select on table public.landing_leads: run `cargo run -p ops -- roles`",
            ),
            (
                "revoke update (free_at) on crm_slots from proftest_crm",
                "grant update (free_at) on crm_slots to proftest_crm",
                "proftest_crm lacks update (free_at) on table public.crm_slots",
            ),
            (
                "alter policy proftest_sweep on crm_tasks using (false)",
                "alter policy proftest_sweep on crm_tasks using (true)",
                "public.crm_tasks has another policy, proftest_sweep",
            ),
            (
                "grant select on clicks to public",
                "revoke select on clicks from public",
                "public has select on table public.clicks",
            ),
            (
                "grant execute on all functions in schema funnel to public",
                "revoke execute on all functions in schema funnel from public",
                " more: run `cargo run -p ops -- roles`",
            ),
            (
                "alter default privileges grant execute on functions to public",
                "alter default privileges revoke execute on functions from public",
                "open to outsiders until somebody runs: alter default privileges",
            ),
        ] {
            examined.db.execute(damage).await;
            examined.wrong(&[], part).await;
            examined.db.execute(repair).await;
        }
        examined.fine(&[], "with exactly the rights it needs").await;
    });
}

#[test]
fn each_function_s_address_must_be_of_its_role_and_be_let_in() {
    run(async {
        let examined = Examined::new().await;
        for member in &MEMBERS {
            let part = format!("{} is of the role proftest_{}", member.variable(), member.name);
            examined.fine(&[], &part).await;
        }
        examined
            .fine(&[("TRACK_DATABASE_URL", "")], "TRACK_DATABASE_URL not given")
            .await;
        let owner = examined.db.url.clone();
        let crm = examined.variables["CRM_DATABASE_URL"].clone();
        let bad = crm.replace("//proftest_crm:", "//proftest_crm:no");
        examined
            .each_wrong(&[
                (
                    "TRACK_DATABASE_URL",
                    &owner,
                    "of the user postgres: it must be of proftest_track",
                ),
                (
                    "TRACK_DATABASE_URL",
                    &crm,
                    "of the user proftest_crm: it must be of proftest_track",
                ),
                (
                    "CRM_DATABASE_URL",
                    &bad,
                    "user or password is wrong in CRM_DATABASE_URL",
                ),
                ("CRM_DATABASE_URL", "mysql://x", "CRM_DATABASE_URL is malformed"),
            ])
            .await;
        examined
            .fine(&[("DATABASE_URL", &owner)], "not of the role of ops")
            .await;
    });
}
