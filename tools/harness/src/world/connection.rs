//! How the database is reached. `TEST_DATABASE` chooses the connection that the functions have in this run; what the
//! tests themselves do (making databases, looking at rows) goes directly.
//!
//! Functions come as their own roles, the tests' own stores as the owner, by the same way. The owner has credentials for each
//! way that no other takes, so that nothing uses another by mistake: `pooled` is known to the pooler alone, `tls_only` is let
//! in by the server over TLS alone.

use super::pooler::pooler;
use super::tls::tls;
use proftest::config;
use proftest::config::variable;

pub const SWITCH: &str = "TEST_DATABASE";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Straight to the server, unencrypted.
    Direct,
    /// Through PgBouncer in transaction mode.
    Pooler,
    Tls,
}

impl Connection {
    pub fn chosen() -> Self {
        match variable(SWITCH).as_deref() {
            None | Some("direct") => Self::Direct,
            Some("pgbouncer") => Self::Pooler,
            Some("tls") => Self::Tls,
            Some(other) => panic!("{SWITCH} is {other}: it must be direct, pgbouncer or tls"),
        }
    }

    /// The owner's route to a database, and that of the functions, which each takes as its own user.
    pub async fn routes(self, url: &str, name: &str) -> (Route, Route) {
        // A suite that silently took another would prove nothing.
        match self {
            Self::Direct => (Route::direct(url), Route::direct(url)),
            Self::Pooler => {
                let pooler = pooler().await;
                let pooler =
                    pooler.unwrap_or_else(|| panic!("{SWITCH}: install the package pgbouncer (Debian)"));
                (pooler.route(name), pooler.functions(name))
            }
            Self::Tls => {
                let tls = tls().await;
                let tls = tls.unwrap_or_else(|| panic!("{SWITCH}: install the package postgresql (Debian)"));
                (tls.route(name), tls.route(name))
            }
        }
    }
}

#[derive(Debug, Clone)]
pub struct Route {
    pub origin: String,
    pub port: u16,
    pub name: String,
    pub ca_pem: Option<String>,
}

impl Route {
    pub fn direct(url: &str) -> Self {
        let (address, name) = url.rsplit_once('/').unwrap();
        let (origin, port) = address.rsplit_once(':').unwrap();
        Self {
            origin: origin.to_owned(),
            port: port.parse().unwrap(),
            name: name.to_owned(),
            ca_pem: None,
        }
    }

    /// The same way as another user.
    #[must_use]
    pub fn as_user(&self, user: &str, password: &str) -> Self {
        let (_, host) = self.origin.split_once('@').unwrap();
        Self {
            origin: format!("postgres://{user}:{password}@{host}"),
            ..self.clone()
        }
    }

    pub fn url(&self) -> String {
        format!("{}:{}/{}", self.origin, self.port, self.name)
    }

    pub fn config(&self) -> config::Database {
        self.over(self.port)
    }

    pub fn over(&self, port: u16) -> config::Database {
        let over = Self { port, ..self.clone() };
        config::Database {
            url: over.url().into(),
            ca_pem: over.ca_pem,
        }
    }
}
