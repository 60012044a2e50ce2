//! `ops roles`, on a server of its own, as an owner who is no superuser: as on Supabase.

use futures::future::join;
use harness::postgres::{Cluster, Place, connect};
use harness::world::{Database, Route, dir, run};
use ops::migrate::migrate;
use ops::roles::{MEMBERS, OUTSIDERS, Plan};
use proftest::config;
use proftest::store::connect as connect_to;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What a server says that logs every statement, as Supabase's logs those that change the schema.
const LOGGING: [&str; 1] = ["log_statement=all"];
const OWNER_PASSWORD: &str = "owner";

struct Server {
    cluster: Cluster,
    superuser: Database,
    dir: PathBuf,
}

impl Server {
    /// Without roles, but for Supabase's.
    async fn start(name: &str) -> Self {
        let dir = dir().join(name);
        let cluster = Cluster::start_with(&Place::new(&dir, false), &LOGGING)
            .await
            .unwrap();
        let superuser = Database::open(cluster.url("postgres")).await;
        superuser
            .execute(&format!(
                "create role owner login createrole password '{OWNER_PASSWORD}'"
            ))
            .await;
        for role in OUTSIDERS {
            superuser.execute(&format!("create role {role} nologin")).await;
        }
        Self {
            cluster,
            superuser,
            dir,
        }
    }

    /// The owner's address of a new database.
    async fn database(&self, name: &str) -> config::Database {
        self.superuser
            .execute(&format!("create database {name} owner owner"))
            .await;
        Route::direct(&self.cluster.url(name))
            .as_user("owner", OWNER_PASSWORD)
            .config()
    }

    async fn migrated(&self, name: &str) -> config::Database {
        let owner = self.database(name).await;
        migrate(&mut connect_to(&owner).await.unwrap()).await.unwrap();
        owner
    }

    async fn roles(&self) -> Vec<String> {
        let sql = "select rolname from pg_roles where rolname ~ '^proftest_' order by 1";
        let rows = self.superuser.rows(sql).await;
        rows.iter()
            .map(|row| row["rolname"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn ops_roles(owner: &config::Database, file: Option<&Path>) -> Result<Vec<String>, String> {
    ops::roles::run(owner, &Plan::default(), file).await
}

async fn rotate(owner: &config::Database, role: &str, file: &Path) -> Result<Vec<String>, String> {
    let plan = Plan {
        rotate: Some(role),
        ..Plan::default()
    };
    ops::roles::run(owner, &plan, Some(file)).await
}

async fn drop_role(owner: &config::Database, role: &str) -> Result<Vec<String>, String> {
    let plan = Plan {
        drop: Some(role),
        ..Plan::default()
    };
    ops::roles::run(owner, &plan, None).await
}

fn read(file: &Path) -> HashMap<String, String> {
    ops::env_file::parse(&std::fs::read_to_string(file).unwrap()).unwrap()
}

async fn user_of(url: &str) -> String {
    let client = connect(url).await.unwrap();
    let row = client.query_typed_one("select current_user::text", &[]).await;
    row.unwrap().get(0)
}

/// A database with its roles, and what each run on it prints.
async fn in_line(server: &Server) -> (config::Database, Vec<String>) {
    let owner = server.migrated("funnel").await;
    let lines = ops_roles(&owner, Some(&server.dir.join("roles.env")))
        .await
        .unwrap();
    (owner, rights_of(lines))
}

fn rights_of(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| !line.starts_with("Made "));
    lines
}

/// Lines about one role, with another name for it.
fn about(lines: &[String], role: &str) -> Vec<String> {
    let start = format!("{role}: ");
    let own = lines.iter().filter_map(|line| line.strip_prefix(&start));
    own.map(str::to_owned).collect()
}

#[test]
fn without_a_new_file_for_the_passwords_no_role_is_made() {
    run(async {
        let server = Server::start("roles-refused").await;
        let bare = server.database("bare").await;
        assert!(
            ops_roles(&bare, None)
                .await
                .unwrap_err()
                .contains("run `migrate` first")
        );
        let owner = server.migrated("funnel").await;
        let file = server.dir.join("roles.env");

        let told = ops_roles(&owner, None).await.unwrap_err();
        assert!(
            told.contains("proftest_track") && told.contains("--passwords"),
            "{told}"
        );
        std::fs::write(&file, "mine").unwrap();
        let told = ops_roles(&owner, Some(&file)).await.unwrap_err();
        assert!(
            told.contains("exists") && told.contains("nothing was done"),
            "{told}"
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(server.roles().await, [""; 0], "nobody would know their passwords");
    });
}

#[test]
fn the_first_run_makes_the_roles_and_their_passwords_are_in_the_file_alone() {
    run(async {
        let server = Server::start("roles-made").await;
        let owner = server.migrated("funnel").await;
        let file = server.dir.join("roles.env");
        let lines = ops_roles(&owner, Some(&file)).await.unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let addresses = read(&file);
        assert_eq!(addresses.len(), MEMBERS.len(), "{addresses:?}");
        let setting = server
            .superuser
            .row("select current_setting('data_directory') as data")
            .await;
        let log = Path::new(setting["data"].as_str().unwrap())
            .parent()
            .unwrap()
            .join("server.log");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(
            log.contains("create role proftest_crm login"),
            "it logs no statement"
        );
        for member in &MEMBERS {
            let url = &addresses[&member.variable()];
            assert_eq!(user_of(url).await, member.roles()[0]);
            let (_, rest) = url.split_once("//proftest_").unwrap();
            let password = rest.split([':', '@']).nth(1).unwrap();
            let fits = password.len() == 32 && password.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(fits, "{} characters", password.len());
            assert!(
                !log.contains(password),
                "the server was told the password of {}",
                member.name
            );
            assert!(!lines.join("\n").contains(password), "printed");
        }
        let attributes = server
            .superuser
            .rows(
                "select distinct rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or rolinherit as more,
                        rolpassword ^@ 'SCRAM-SHA-256$' as scram
                 from pg_authid where rolname ~ '^proftest_'",
            )
            .await;
        assert_eq!(attributes, [serde_json::json!({"more": false, "scram": true})]);

        // As any other, a role may not do this.
        let track = Route::direct(&addresses["TRACK_DATABASE_URL"]).config();
        let told = ops_roles(&track, None).await.unwrap_err();
        assert!(told.contains("belong to another user"), "{told}");
        // Another run changes nothing and makes no file.
        let again = server.dir.join("again.env");
        assert_eq!(ops_roles(&owner, Some(&again)).await.unwrap(), rights_of(lines));
        assert!(!again.exists());
    });
}

/// What people do by hand.
const DRIFTS: [&str; 21] = [
    "grant select on landing_leads to proftest_track",
    "grant update (email) on landing_leads to proftest_crm",
    "grant execute on function funnel.claim to proftest_intake",
    "grant usage on schema funnel to proftest_sweep",
    "grant create on schema funnel to proftest_track",
    "create table extra (id int); grant all on extra to proftest_track",
    "create sequence extra_s; grant usage on extra_s to proftest_track",
    "create schema other; create table other.extra (id int); grant select on other.extra to proftest_ops",
    "create policy extra on clicks to proftest_track using (true)",
    "drop policy proftest_sweep on crm_tasks",
    "alter policy proftest_crm on crm_tasks using (false)",
    "alter policy proftest_ops on crm_tasks to proftest_ops, proftest_crm",
    "revoke update (free_at) on crm_slots from proftest_crm",
    "revoke all on function funnel.claim from proftest_deliver",
    "revoke usage on schema funnel from proftest_track",
    "grant all on all tables in schema public to anon, authenticated",
    "grant select on clicks to public",
    "grant execute on all functions in schema funnel to public, service_role",
    "alter default privileges in schema public grant select on tables to anon",
    "alter default privileges in schema funnel grant execute on functions to service_role",
    "alter default privileges grant execute on functions to public",
];

#[test]
fn another_run_takes_away_what_is_not_in_the_list_and_gives_back_what_is_missing() {
    run(async {
        let server = Server::start("roles-drifted").await;
        let (owner, lines) = in_line(&server).await;
        let client = connect_to(&owner).await.unwrap();
        for drift in DRIFTS {
            client.batch_execute(drift).await.unwrap();
            assert_eq!(ops_roles(&owner, None).await.unwrap(), lines, "{drift}");
            let client = connect_to(&owner).await.unwrap();
            let roles = ops::roles::existing(&client).await.unwrap();
            let left = ops::roles::Differences::read(&client, &roles).await.unwrap();
            assert!(left.is_empty(), "{drift}: {left:?}");
        }
        for (attribute, repair) in [
            (
                "alter role proftest_crm bypassrls",
                "alter role proftest_crm nobypassrls",
            ),
            (
                "grant owner to proftest_track",
                "revoke owner from proftest_track",
            ),
            ("alter role proftest_ops nologin", "alter role proftest_ops login"),
        ] {
            server.superuser.execute(attribute).await;
            let told = ops_roles(&owner, None).await.unwrap_err();
            assert!(told.contains("log in and nothing more"), "{attribute}: {told}");
            server.superuser.execute(repair).await;
        }
        ops_roles(&owner, None).await.unwrap();
    });
}

#[test]
fn while_two_releases_run_nothing_is_taken_from_either_and_strangers_get_nothing() {
    run(async {
        let server = Server::start("roles-kept").await;
        let (owner, lines) = in_line(&server).await;
        let client = connect_to(&owner).await.unwrap();
        client
            .batch_execute(
                "grant select on landing_leads to proftest_track; create policy older on clicks to proftest_track using (true);
                 alter policy proftest_crm on crm_gate using (false);
                 revoke update (free_at) on crm_slots from proftest_crm; grant select on clicks to anon",
            )
            .await
            .unwrap();
        let plan = Plan {
            keep: true,
            ..Plan::default()
        };
        let kept = ops::roles::run(&owner, &plan, None).await.unwrap();
        let (mine, theirs): (Vec<_>, Vec<_>) = kept.into_iter().partition(|line| lines.contains(line));
        assert_eq!(mine, lines);
        assert_eq!(theirs, ["proftest_track: table public.landing_leads: select"]);
        let left = client.query_typed_one(
            "select has_table_privilege('anon', 'clicks', 'select'), count(*) from pg_policies where policyname = 'older'",
            &[],
        );
        let left = left.await.unwrap();
        assert_eq!((left.get(0), left.get(1)), (false, 1_i64));
        assert_eq!(ops_roles(&owner, None).await.unwrap(), lines);
    });
}

#[test]
fn a_role_is_replaced_by_another_one_without_a_moment_without_either() {
    run(async {
        let server = Server::start("roles-rotated").await;
        let owner = server.migrated("funnel").await;
        let file = |name: &str| server.dir.join(name);
        ops_roles(&owner, Some(&file("first.env"))).await.unwrap();
        let old = read(&file("first.env"))["TRACK_DATABASE_URL"].clone();

        let told = drop_role(&owner, "proftest_track").await.unwrap_err();
        assert!(told.contains("only role of track"), "{told}");
        let told = rotate(&owner, "owner", &file("no.env")).await.unwrap_err();
        assert!(told.contains("no role owner of ours"), "{told}");

        let lines = rotate(&owner, "proftest_track", &file("second.env"))
            .await
            .unwrap();
        assert_eq!(lines.last().unwrap(), "Made proftest_track_b");
        let rights = about(&lines, "proftest_track");
        assert!(!rights.is_empty(), "{lines:?}");
        assert_eq!(about(&lines, "proftest_track_b"), rights);
        let addresses = read(&file("second.env"));
        assert_eq!(addresses.keys().collect::<Vec<_>>(), ["TRACK_DATABASE_URL"]);
        let new = &addresses["TRACK_DATABASE_URL"];
        assert_eq!(user_of(new).await, "proftest_track_b");
        assert_eq!(user_of(&old).await, "proftest_track");
        let told = rotate(&owner, "proftest_track", &file("third.env"))
            .await
            .unwrap_err();
        assert!(told.contains("both roles of track exist"), "{told}");
        assert!(!file("third.env").exists());

        let lines = drop_role(&owner, "proftest_track").await.unwrap();
        assert_eq!(about(&lines, "proftest_track_b"), rights);
        assert!(connect(&old).await.is_err());
        assert!(!server.roles().await.contains(&"proftest_track".to_owned()));
        // And back.
        rotate(&owner, "proftest_track_b", &file("third.env"))
            .await
            .unwrap();
        drop_role(&owner, "proftest_track_b").await.unwrap();
        assert_eq!(server.roles().await.len(), MEMBERS.len());

        // One that is in use elsewhere stays.
        let other = server.migrated("other").await;
        ops_roles(&other, None).await.unwrap();
        rotate(&owner, "proftest_crm", &file("fourth.env")).await.unwrap();
        let told = drop_role(&owner, "proftest_crm").await.unwrap_err();
        assert!(told.contains("cannot be dropped"), "{told}");
    });
}

#[test]
fn two_databases_of_a_server_may_be_brought_in_line_at_once() {
    run(async {
        let server = Server::start("roles-at-once").await;
        let (one, two) = (server.migrated("one").await, server.migrated("two").await);
        let files = ["one.env", "two.env"].map(|name| server.dir.join(name));
        let (first, second) = join(ops_roles(&one, Some(&files[0])), ops_roles(&two, Some(&files[1]))).await;
        first.unwrap();
        second.unwrap();
        assert_eq!(
            files.iter().filter(|file| file.exists()).count(),
            1,
            "one run made them"
        );
        assert_eq!(server.roles().await.len(), MEMBERS.len());
        // Within one database one comes after the other.
        let (first, second) = join(ops_roles(&one, None), ops_roles(&one, None)).await;
        assert_eq!(first.unwrap(), second.unwrap());
    });
}

#[test]
fn a_table_in_long_use_stops_the_run_and_not_the_functions() {
    run(async {
        let server = Server::start("roles-waiting").await;
        let owner = server.migrated("funnel").await;
        let holder = connect_to(&owner).await.unwrap();
        let hold = "begin; select count(*) from crm_tasks";
        holder.batch_execute(hold).await.unwrap();
        let file = server.dir.join("roles.env");
        let told = ops_roles(&owner, Some(&file)).await.unwrap_err();
        assert!(told.contains("in use by a long statement"), "{told}");
        assert!(!file.exists(), "passwords of roles that were not made");
        assert_eq!(server.roles().await, [""; 0]);
        holder.batch_execute("rollback").await.unwrap();
        ops_roles(&owner, Some(&file)).await.unwrap();
    });
}
