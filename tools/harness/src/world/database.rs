//! A real PostgreSQL, and a fresh database for every test.

use super::connection::{Connection, Route};
use super::story::{RUNTIME, dir, eventually};
use crate::postgres::{Cluster, Place, connect};
use crate::roles::{self, Addresses};
use jiff::{SignedDuration, Timestamp};
use ops::migrate::migrate;
use ops::roles::MEMBERS;
use proftest::config;
use proftest::store::Store;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_postgres::Client;

const TEMPLATE: &str = "template_migrated";

/// One server a process; it stops with it.
pub async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || {
        let place = Place::new(dir().join("postgres"), false);
        Cluster::start(&place).await.unwrap()
    };
    CLUSTER.get_or_init(start).await
}

/// The migrated database that the others are copied from; nothing stays connected to it.
async fn template() -> &'static Cluster {
    static MIGRATED: OnceCell<()> = OnceCell::const_new();
    let cluster = cluster().await;
    let prepare = async || {
        // A server whose files outlived their directory (see `Cluster::start`) may still have an old one.
        let server = connect(&cluster.url("postgres")).await.unwrap();
        let drop_old = format!("drop database if exists {TEMPLATE} with (force)");
        server.batch_execute(&drop_old).await.unwrap();
        cluster.create_database(TEMPLATE, None).await.unwrap();
        let (mut client, connection) = tokio_postgres::connect(&cluster.url(TEMPLATE), tokio_postgres::NoTls)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        migrate(&mut client).await.unwrap();
        let password = roles::password(&cluster.url(TEMPLATE)).unwrap();
        roles::prepare(&mut client, password).await.unwrap();
        drop(client);
        // A database with a connection cannot be copied.
        connection.await.unwrap().unwrap();
        wait_until_unused(&server).await;
    };
    MIGRATED.get_or_init(prepare).await;
    cluster
}

/// The server notices the end of a connection a little later than the client.
async fn wait_until_unused(server: &Client) {
    let sql = format!("select count(*) = 0 as unused from pg_stat_activity where datname = '{TEMPLATE}'");
    eventually("the template is unused", Duration::from_secs(5), async || {
        let rows = server.query_typed(&sql, &[]).await.unwrap();
        rows[0].get::<_, bool>("unused").then_some(())
    })
    .await;
}

pub struct Database {
    /// Directly; for what the tests do themselves.
    pub url: String,
    client: Client,
    /// The owner's, by the way of this run.
    route: Route,
    /// The functions', whichever the user.
    functions: Route,
    /// Its name, when it is to be dropped at the end of the test.
    temporary: Option<String>,
    /// How much time was made to pass, and when.
    passed: Mutex<Vec<(Timestamp, SignedDuration)>>,
}

/// Eighty databases of a run would be most of a gigabyte, written back to the disk while the others run. That of a
/// failed test stays to be looked at.
impl Drop for Database {
    fn drop(&mut self) {
        let Some(name) = self.temporary.take().filter(|_| !std::thread::panicking()) else {
            return;
        };
        RUNTIME.spawn(async move {
            let server = connect(&cluster().await.url("postgres")).await.unwrap();
            let sql = format!("drop database {name} with (force)");
            server.batch_execute(&sql).await.unwrap();
        });
    }
}

impl Database {
    pub async fn fresh() -> Self {
        let cluster = template().await;
        Self::make(cluster, Some(TEMPLATE)).await
    }

    pub async fn unmigrated() -> Self {
        Self::make(cluster().await, None).await
    }

    async fn make(cluster: &Cluster, template: Option<&str>) -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        cluster.create_database(&name, template).await.unwrap();
        let mut database = Self::open(cluster.url(&name)).await;
        (database.route, database.functions) = Connection::chosen().routes(&database.url, &name).await;
        database.temporary = Some(name);
        database
    }

    pub async fn open(url: String) -> Self {
        let client = connect(&url).await.unwrap();
        Self {
            route: Route::direct(&url),
            functions: Route::direct(&url),
            url,
            client,
            temporary: None,
            passed: Mutex::default(),
        }
    }

    /// Of the functions' way.
    pub fn port(&self) -> u16 {
        self.functions.port
    }

    /// The way of a function of this name, as its role.
    pub fn route(&self, function: &str) -> Route {
        self.as_role(&self.functions, function)
    }

    /// The same for a test that reads the protocol: direct in a run over TLS.
    pub fn readable(&self, function: &str) -> Route {
        match self.functions.ca_pem {
            Some(_) => self.direct(function),
            None => self.route(function),
        }
    }

    /// Straight to the server, whatever this run takes.
    pub fn direct(&self, function: &str) -> Route {
        self.as_role(&Route::direct(&self.url), function)
    }

    fn as_role(&self, route: &Route, function: &str) -> Route {
        let password = roles::password(&self.url).unwrap();
        route.as_user(&roles::role(function).unwrap(), password.expose_secret())
    }

    pub fn config(&self, function: &str) -> config::Database {
        self.route(function).config()
    }

    pub fn config_over(&self, function: &str, port: u16) -> config::Database {
        self.route(function).over(port)
    }

    pub fn settings(&self, function: &str) -> [(&'static str, String); 2] {
        let route = self.route(function);
        [
            ("DATABASE_URL", route.url()),
            ("DATABASE_CA_PEM", route.ca_pem.unwrap_or_default()),
        ]
    }

    /// By the way of this run.
    pub fn addresses(&self) -> Addresses {
        let functions = MEMBERS
            .iter()
            .map(|member| (member.name, self.route(member.name).url()));
        Addresses {
            owner: self.owner(),
            functions: functions.collect(),
        }
    }

    /// As the owner, by the way of this run.
    pub fn owner(&self) -> config::Database {
        self.route.config()
    }

    pub fn name(&self) -> &str {
        &self.route.name
    }

    /// As a function's role, or that of the commands.
    pub fn store_as(&self, function: &str) -> Store {
        Store::new(&self.config(function), 2, Duration::from_secs(30)).unwrap()
    }

    /// For what the tests do themselves: the owner's.
    pub fn store(&self) -> Store {
        Store::new(&self.owner(), 2, Duration::from_secs(30)).unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        self.client
            .batch_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        let rows = self
            .client
            .query_typed(&format!("select to_jsonb(r) from ({sql}) r"), &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn row(&self, sql: &str) -> Value {
        let mut rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.remove(0)
    }

    pub async fn explain(&self, sql: &str) -> Value {
        let explain = format!("explain (format json) {sql}");
        let rows = self.client.query_typed(&explain, &[]).await;
        rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"))[0].get(0)
    }

    pub async fn count(&self, from_where: &str) -> i64 {
        let row = self.row(&format!("select count(*) as n from {from_where}")).await;
        row["n"].as_i64().unwrap()
    }

    /// Makes the database what it will be when this time has passed: every time in it moves back. What is infinite
    /// stays so. Counted seconds, hours and days move when a whole one has passed in all.
    ///
    /// Call it only while no worker runs: a worker's lease may end only when the worker is dead.
    pub async fn pass_time(&self, time: Duration) {
        let time = SignedDuration::try_from(time).unwrap();
        let before: SignedDuration = {
            let passed = self.passed.lock().unwrap();
            passed.iter().map(|(_, time)| *time).sum()
        };
        let whole = |seconds: i64| (before + time).as_secs() / seconds - before.as_secs() / seconds;
        let (second, hour, day) = (whole(1), whole(3600), whole(86_400));
        let statements = self
            .rows(&format!(
                "select format('update %I set %s', table_name, string_agg(
                     format(case udt_name
                         when '_timestamptz' then
                             '%1$I = array(select t - {by} from unnest(%1$I) with ordinality as u (t, n) order by n)'
                         when 'timestamptz' then '%1$I = %1$I - {by}'
                         else '%1$I = %1$I - ' || case column_name
                             when 'second' then {second} when 'hour' then {hour} else {day} end
                     end, column_name), ', ')) as sql
                 from information_schema.columns
                 where table_schema = 'public' and is_generated = 'NEVER'
                   and (udt_name in ('timestamptz', '_timestamptz')
                        or table_name in ('budgets', 'intake_counts') and column_name in ('second', 'hour', 'day'))
                 group by table_name",
                by = format_args!("{} * interval ''1 millisecond''", time.as_millis())
            ))
            .await;
        assert!(statements.len() > 5, "the tables with times");
        let statements: Vec<&str> = statements
            .iter()
            .map(|row| row["sql"].as_str().unwrap())
            .collect();
        self.execute(&statements.join(";")).await;
        self.passed.lock().unwrap().push((Timestamp::now(), time));
    }

    /// What a moment of the real clock is called in the rows today, after all the time that was made to pass since.
    pub fn moved_back(&self, moment: Timestamp) -> Timestamp {
        let passed = self.passed.lock().unwrap();
        let since = passed.iter().filter(|(at, _)| *at >= moment);
        since.fold(moment, |moment, (_, time)| moment - *time)
    }

    /// What each table holds: a fingerprint to show that nothing was written.
    pub async fn counts(&self) -> Value {
        self.row(
            "select (select count(*) from landing_leads) as leads,
                    (select count(*) from scheduled_notifications) as notifications,
                    (select count(*) from deliveries) as deliveries,
                    (select count(*) from short_links) as links,
                    (select count(*) from crm_tasks) as crm,
                    (select count(*) from clicks) as clicks",
        )
        .await
    }
}
