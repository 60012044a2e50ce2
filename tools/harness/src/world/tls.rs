//! The TLS side of the tests' PostgreSQL: a role that the server lets in encrypted or not at all.

use super::connection::Route;
use super::database::cluster;
use super::story::eventually;
use crate::certificates::Authority;
use crate::postgres::{Cluster, connect};
use crate::tools;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_postgres::Client;
use uuid::Uuid;

/// The name in the certificate; `127.0.0.1` is the same server under a wrong one.
pub const HOST: &str = "localhost";
pub const ROLE: &str = "tls_only";

/// Read from the top; the first line that fits decides. What fits none is refused.
const WHO_MAY_COME: &str = "hostssl all tls_only 127.0.0.1/32 scram-sha-256
hostnossl all tls_only all reject
host all all 127.0.0.1/32 scram-sha-256
";

pub struct TlsServer {
    pub password: String,
    pub ca_pem: String,
    port: u16,
}

/// Turned on once a process, in the server that all tests share. `None` (said on the terminal) where the server is
/// built without TLS, as that of the Python package is.
pub async fn tls() -> Option<&'static TlsServer> {
    static TLS: OnceCell<Option<TlsServer>> = OnceCell::const_new();
    let start = async || TlsServer::turn_on(cluster().await).await;
    TLS.get_or_init(start).await.as_ref()
}

impl TlsServer {
    async fn turn_on(cluster: &Cluster) -> Option<Self> {
        let url = cluster.url("postgres");
        let server = connect(&url).await.unwrap();
        let authority = Authority::new().unwrap();
        if let Err(error) = authority.certify(HOST).unwrap().install(cluster).await {
            assert!(error.contains("not supported by this build"), "{error}");
            tools::not_run("the tests over TLS need a PostgreSQL that has it", "postgresql").unwrap();
            return None;
        }
        let password = Uuid::new_v4().simple().to_string();
        // As powerful as the roles of the other connections: nothing else may differ.
        let role = format!("create role {ROLE} superuser login password '{password}'");
        server
            .batch_execute(&format!("drop role if exists {ROLE}"))
            .await
            .unwrap();
        server.batch_execute(&role).await.unwrap();
        std::fs::write(setting(&server, "hba_file").await, WHO_MAY_COME).unwrap();
        server.batch_execute("select pg_reload_conf()").await.unwrap();
        let tls = Self {
            password,
            ca_pem: authority.pem,
            port: Route::direct(&url).port,
        };
        eventually("the server speaks TLS", Duration::from_secs(10), async || {
            let config = tls.route("postgres").config();
            proftest::store::connect(&config).await.ok()
        })
        .await;
        Some(tls)
    }

    pub fn route(&self, name: &str) -> Route {
        self.route_to(HOST, name)
    }

    pub fn route_to(&self, host: &str, name: &str) -> Route {
        Route {
            origin: format!("postgres://{ROLE}:{}@{host}", self.password),
            port: self.port,
            name: name.to_owned(),
            ca_pem: Some(self.ca_pem.clone()),
        }
    }
}

pub async fn setting(server: &Client, name: &str) -> String {
    let row = server.query_typed_one(&format!("show {name}"), &[]).await;
    row.unwrap().get(0)
}
