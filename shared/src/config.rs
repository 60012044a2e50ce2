//! The only reader of the environment. Each function reads its settings once, at its start, and does not start with a
//! missing or malformed one: a placeholder for a misnamed variable once cost nine days of tracking.
//!
//! An empty value counts as absent, because CloudFormation cannot leave a variable out; but for `AMOCRM_TASK_TEXT`.

mod crm;
mod deliver;
mod environment;
mod guard;
mod receipts;
mod turnstile;

pub use crm::{AmoCrm, Auth, Crm, CrmTasks, OAuthClient, Stage};
use deliver::PUBLIC_BASE_URL;
pub use deliver::*;
pub use environment::{Environment, variable};
pub use guard::{Addresses, Asked, Guard, limits};
pub use receipts::Receipts;
pub use turnstile::Turnstile;

use crate::domain::limits::Limits;
use crate::domain::retention::Retention;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use url::Url;

/// A missing or malformed variable. The error holds its name, never its value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{name} is not set: {hint}")]
    Missing { name: &'static str, hint: &'static str },
    #[error("{name} is malformed: it must be {must_be}")]
    Malformed {
        name: &'static str,
        must_be: &'static str,
    },
}

/// Whether a variable holds a secret. Its name says so: in production it refers to Secrets Manager.
pub fn is_secret(variable: &str) -> bool {
    let last_word = variable.rsplit('_').next();
    variable == "DATABASE_URL" || matches!(last_word, Some("KEY" | "TOKEN" | "SECRET" | "SECRETS"))
}

/// A source of variables: the process's environment, or a test's table.
pub struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Env<'a> {
    /// Reads through `lookup`, so that tests do not change the process's environment.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    fn optional(&self, name: &'static str) -> Option<String> {
        (self.0)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// As [`Env::optional`], but an empty value is there: for the few settings that it switches off.
    fn even_empty(&self, name: &'static str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned())
    }

    fn required(&self, name: &'static str, hint: &'static str) -> Result<String, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing { name, hint })
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        must_be: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        self.optional(name)
            .map(|value| {
                value
                    .parse()
                    .map_err(|_| ConfigError::Malformed { name, must_be })
            })
            .transpose()
    }

    fn seconds(&self, name: &'static str, default: u64) -> Result<Duration, ConfigError> {
        const MUST_BE: &str = "a number of whole seconds, at most 604800 (a week)";
        let seconds = self.parsed(name, MUST_BE)?.unwrap_or(default);
        if seconds > 604_800 {
            return Err(ConfigError::Malformed {
                name,
                must_be: MUST_BE,
            });
        }
        Ok(Duration::from_secs(seconds))
    }

    /// An http(s) URL without a trailing slash, ready for a path.
    fn base_url(&self, name: &'static str, default: &str) -> Result<String, ConfigError> {
        let malformed = ConfigError::Malformed {
            name,
            must_be: "an http:// or https:// URL without a query",
        };
        let raw = self.optional(name).unwrap_or_else(|| default.to_owned());
        let url = Url::parse(&raw).map_err(|_| malformed.clone())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
            return Err(malformed);
        }
        Ok(raw.trim_end_matches('/').to_owned())
    }
}

/// `RUST_LOG`: which log lines to keep, such as `info` or `proftest=debug,info`; `info` when absent.
pub fn log_filter() -> Option<String> {
    variable("RUST_LOG")
}

/// `AWS_ENDPOINT_URL`: an emulator to use instead of AWS.
pub fn aws_endpoint_url() -> Option<String> {
    variable("AWS_ENDPOINT_URL")
}

/// `AWS_LAMBDA_FUNCTION_NAME`: the deployed name, unique in its account and region. Lambda always sets it; where a
/// test calls a function directly, the name is `local`.
pub fn function_name() -> String {
    variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "local".to_owned())
}

#[derive(Clone)]
pub struct Database {
    /// `DATABASE_URL`: a `postgres://` URL; in production Supabase's transaction pooler.
    pub url: SecretString,
    /// `DATABASE_CA_PEM`: the root that signed the server's certificate. When set, TLS is required and the host name
    /// is verified, whatever the URL's `sslmode`. When absent, the connection is plain, must stay on this machine,
    /// and the URL must not ask for TLS.
    pub ca_pem: Option<String>,
}

impl Database {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let url = env.required(
            "DATABASE_URL",
            "the postgres:// URL of the database or its pooler",
        )?;
        let parsed = tokio_postgres::Config::from_str(&url).map_err(|_| ConfigError::Malformed {
            name: "DATABASE_URL",
            must_be: "postgres://user:password@host:port/database, without an sslmode such as verify-full: \
                      DATABASE_CA_PEM alone makes the connection TLS with the host verified",
        })?;
        let ca_pem = env.optional("DATABASE_CA_PEM");
        if ca_pem
            .as_deref()
            .is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----"))
        {
            return Err(ConfigError::Malformed {
                name: "DATABASE_CA_PEM",
                must_be: "a PEM certificate, beginning with -----BEGIN CERTIFICATE-----",
            });
        }
        let missing = |hint| ConfigError::Missing {
            name: "DATABASE_CA_PEM",
            hint,
        };
        if ca_pem.is_none() && !is_local(&parsed) {
            return Err(missing(
                "a database on another host is reached only over verified TLS; put its root certificate here",
            ));
        }
        if ca_pem.is_none() && parsed.get_ssl_mode() == SslMode::Require {
            return Err(missing(
                "DATABASE_URL says sslmode=require, and there is no TLS here without the root certificate",
            ));
        }
        Ok(Self {
            url: SecretString::from(url),
            ca_pem,
        })
    }
}

impl Database {
    /// Whether the URL leads to this machine, or to the machine under a local container.
    pub fn is_local(&self) -> bool {
        tokio_postgres::Config::from_str(self.url.expose_secret()).is_ok_and(|config| is_local(&config))
    }
}

/// Whether every host is this machine, or the machine under a local container. The connection goes to `hostaddr` when
/// given; the host is then only a name.
fn is_local(config: &tokio_postgres::Config) -> bool {
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => is_our_name(name),
        Host::Unix(_) => true,
    });
    hosts && config.get_hostaddrs().iter().copied().all(is_ours)
}

fn is_our_name(name: &str) -> bool {
    matches!(name, "localhost" | "host.docker.internal") || name.parse().is_ok_and(is_ours)
}

/// Loopback, or the host in Docker's default bridge.
fn is_ours(address: IpAddr) -> bool {
    address.is_loopback() || address == IpAddr::from([172, 17, 0, 1])
}

/// `NOTIFICATIONS_QUEUE_URL`: the queue that wakes `deliver`.
pub fn notifications_queue_url(env: &Env<'_>) -> Result<String, ConfigError> {
    env.required("NOTIFICATIONS_QUEUE_URL", "the URL of the notifications queue")
}

/// `CRM_QUEUE_URL`: the queue that wakes `crm`.
pub fn crm_queue_url(env: &Env<'_>) -> Result<String, ConfigError> {
    env.required("CRM_QUEUE_URL", "the URL of the crm queue")
}

#[derive(Clone)]
pub struct Intake {
    pub database: Database,
    /// `NOTIFICATION_DELAY_SECONDS`: from the lead to its message; default 600.
    pub delay: Duration,
    pub schedule: Schedule,
    /// `NOTIFICATIONS_QUEUE_URL`: used when scheduling fails.
    pub queue_url: String,
    /// `CRM_QUEUE_URL`: tells `crm` about the lead.
    pub crm_queue_url: String,
    pub guard: Guard,
    /// `None`: it is not asked.
    pub turnstile: Option<Turnstile>,
}

impl Intake {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(env)?,
            delay: env.seconds("NOTIFICATION_DELAY_SECONDS", 600)?,
            schedule: Schedule::read(env)?,
            queue_url: notifications_queue_url(env)?,
            crm_queue_url: crm_queue_url(env)?,
            guard: Guard::read(env)?,
            turnstile: Turnstile::read(env)?,
        })
    }
}

/// How schedules are made, and what they wake.
#[derive(Clone)]
pub struct Schedule {
    /// `SCHEDULE_LEAD_SECONDS`: how long before the due time the schedule fires; default 60. EventBridge Scheduler is
    /// precise to a minute only, and `deliver` holds early messages.
    pub lead: Duration,
    /// `SCHEDULE_GROUP`: the group of all schedules.
    pub group: String,
    /// `SCHEDULER_ROLE_ARN`: the role that the schedule sends as.
    pub role_arn: String,
    /// `NOTIFICATIONS_QUEUE_ARN`: the target.
    pub queue_arn: String,
    /// `NOTIFICATIONS_DLQ_ARN`: gets the message of a schedule that cannot send; optional.
    pub dlq_arn: Option<String>,
}

impl Schedule {
    fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            lead: env.seconds("SCHEDULE_LEAD_SECONDS", 60)?,
            group: env.required("SCHEDULE_GROUP", "the name of the schedule group")?,
            role_arn: env.required("SCHEDULER_ROLE_ARN", "the role that schedules send as")?,
            queue_arn: env.required("NOTIFICATIONS_QUEUE_ARN", "the ARN of the notifications queue")?,
            dlq_arn: env.optional("NOTIFICATIONS_DLQ_ARN"),
        })
    }
}

#[derive(Clone)]
pub struct Track {
    pub database: Database,
    /// `COURSE_URL`: the course, to which tracked links lead in the end.
    pub course: Url,
    /// `LINK_TARGET`: where the link of a message leads first.
    pub target: LinkTarget,
    /// `BEHIND_CLOUDFRONT`: `yes` when the API is reached through CloudFront.
    pub behind_cloudfront: bool,
}

/// Where the link of a message leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTarget {
    Course,
    /// To the person's result page, whose button leads to the course.
    Result,
}

impl Track {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        const DEFAULT: &str = "https://onai.academy/integrator/expresscourse";
        let malformed = ConfigError::Malformed {
            name: "COURSE_URL",
            must_be: "an https:// URL",
        };
        let raw = env.optional("COURSE_URL").unwrap_or_else(|| DEFAULT.to_owned());
        let course = Url::parse(&raw).map_err(|_| malformed.clone())?;
        if !matches!(course.scheme(), "http" | "https") || course.host().is_none() {
            return Err(malformed);
        }
        let targets = [("course", LinkTarget::Course), ("result", LinkTarget::Result)];
        Ok(Self {
            database: Database::read(env)?,
            course,
            target: guard::one_of(env, "LINK_TARGET", "course or result", &targets)?,
            behind_cloudfront: guard::behind_cloudfront(env)?,
        })
    }
}

/// What a command is given that works on the queues.
#[derive(Clone)]
pub struct Queues {
    pub database: Database,
    /// `NOTIFICATIONS_QUEUE_URL`
    pub queue_url: String,
    /// `CRM_QUEUE_URL`
    pub crm_queue_url: String,
}

impl Queues {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(env)?,
            queue_url: notifications_queue_url(env)?,
            crm_queue_url: crm_queue_url(env)?,
        })
    }
}

#[derive(Clone)]
pub struct Recipient {
    pub database: Database,
    /// `PUBLIC_BASE_URL`: where the test is, for those with whom a result is shared.
    pub public: String,
}

impl Recipient {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(env)?,
            public: env.base_url("PUBLIC_BASE_URL", PUBLIC_BASE_URL)?,
        })
    }
}

#[derive(Clone)]
pub struct Sweep {
    pub database: Database,
    /// `NOTIFICATIONS_QUEUE_URL`: wakes notifications.
    pub queue_url: String,
    /// `CRM_QUEUE_URL`: wakes CRM tasks.
    pub crm_queue_url: String,
    /// Asked for reports that did not come, and told whom we spare.
    pub resend: Resend,
    /// Asked for reports that did not come.
    pub mobizon: Mobizon,
    /// `LIMITS`: what the use of the budgets is compared with.
    pub limits: Limits,
    /// `RETENTION`: how long rows are kept.
    pub retention: Retention,
}

impl Sweep {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(env)?,
            queue_url: notifications_queue_url(env)?,
            crm_queue_url: crm_queue_url(env)?,
            resend: Resend::read(env)?,
            mobizon: Mobizon::read(env)?,
            limits: guard::budgets(env)?,
            retention: retention(env)?,
        })
    }
}

fn retention(env: &Env<'_>) -> Result<Retention, ConfigError> {
    let malformed = |_| ConfigError::Malformed {
        name: "RETENTION",
        must_be: "off, or changes such as clicks=90d,leads=24m with the names of docs/limits.md and ages of at least 31 days, or 7 of hit_addresses",
    };
    Retention::parse(&env.optional("RETENTION").unwrap_or_default()).map_err(malformed)
}

#[cfg(test)]
mod tests;
