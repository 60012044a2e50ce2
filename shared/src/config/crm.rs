//! The settings of amoCRM and of the function `crm`.

use super::{ConfigError, Database, Env};
use crate::domain::crm::WorkHours;
use crate::domain::ids::{FieldId, PipelineId, StageId, UserId};
use secrecy::SecretString;
use std::time::Duration;
use url::Url;

#[derive(Clone)]
pub struct Crm {
    pub database: Database,
    /// `CRM_QUEUE_URL`: the queue on which messages are held.
    pub queue_url: String,
    pub amocrm: AmoCrm,
}

impl Crm {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            database: Database::read(env)?,
            queue_url: super::crm_queue_url(env)?,
            amocrm: AmoCrm::read(env)?,
        })
    }
}

#[derive(Clone)]
pub struct AmoCrm {
    /// `AMOCRM_BASE_URL`: `acme`, `acme.amocrm.ru` or a URL.
    pub base_url: String,
    pub auth: Auth,
    pub stage: Stage,
    /// `AMOCRM_LEAD_ID_FIELD_ID`: a text field of deals for our lead's id. It identifies a deal after the answer to
    /// its creation was lost.
    pub lead_id_field: FieldId,
    /// `AMOCRM_UTM_FIELD_IDS`: `utm_source=123,utm_medium=124`; optional.
    pub utm_fields: Vec<(String, FieldId)>,
    /// `AMOCRM_REQUESTS_PER_SECOND`: for all processes together; default 5, at most 50. The vendor blocks accounts
    /// above 7.
    pub requests_per_second: u16,
    /// `AMOCRM_BLOCK_SECONDS`: how long the gate stays shut after a 403. When absent: until it is opened by hand.
    pub block: Option<Duration>,
    /// `None`: no tasks are made.
    pub tasks: Option<CrmTasks>,
}

/// The task that each new deal gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmTasks {
    /// `AMOCRM_TASK_TEXT`: what is to be done; `None`: our own words. Set but empty, it switches tasks off.
    pub text: Option<String>,
    /// `AMOCRM_TASK_MINUTES`: working time until the deadline; default 15.
    pub within: Duration,
    /// `AMOCRM_TASK_HOURS`: when the sales team works, every day, in Almaty; default 10-19.
    pub hours: WorkHours,
    /// `AMOCRM_TASK_USERS`: those who get new deals, with their tasks, in turn; empty: amoCRM chooses.
    pub users: Vec<UserId>,
}

#[derive(Clone)]
pub enum Auth {
    /// `AMOCRM_ACCESS_TOKEN`: a long-lived token of a private integration.
    LongLived(SecretString),
    /// `AMOCRM_CLIENT_ID`, `AMOCRM_CLIENT_SECRET`, `AMOCRM_REDIRECT_URI`, and `AMOCRM_REFRESH_TOKEN` for the first
    /// exchange. Later pairs are in the database.
    OAuth {
        client: OAuthClient,
        /// Used for the first exchange only.
        refresh: SecretString,
    },
}

#[derive(Clone)]
pub struct OAuthClient {
    /// `AMOCRM_CLIENT_ID`: the integration's id.
    pub id: String,
    /// `AMOCRM_CLIENT_SECRET`: the integration's secret.
    pub secret: SecretString,
    /// `AMOCRM_REDIRECT_URI`: must equal the integration's.
    pub redirect_uri: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// `AMOCRM_PIPELINE_ID` and `AMOCRM_STATUS_ID`.
    Ids(PipelineId, StageId),
    /// `AMOCRM_PIPELINE` and `AMOCRM_STAGE`: names, looked up once.
    Names(String, String),
}

impl AmoCrm {
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        const FIELD: &str = "AMOCRM_LEAD_ID_FIELD_ID";
        let requests_per_second = env
            .parsed("AMOCRM_REQUESTS_PER_SECOND", "a whole number from 1 to 50")?
            .unwrap_or(5);
        if !(1..=50).contains(&requests_per_second) {
            return Err(ConfigError::Malformed {
                name: "AMOCRM_REQUESTS_PER_SECOND",
                must_be: "a whole number from 1 to 50",
            });
        }
        let block = env.parsed("AMOCRM_BLOCK_SECONDS", "a number of whole seconds")?;
        Ok(Self {
            base_url: base_url(
                &env.required("AMOCRM_BASE_URL", "the account: acme, or https://acme.amocrm.ru")?,
            )?,
            auth: Auth::read(env)?,
            stage: Stage::read(env)?,
            lead_id_field: env.parsed(FIELD, "the number of a custom field")?.ok_or(
                ConfigError::Missing {
                    name: FIELD,
                    hint: "the id of a deals' text field for our lead id",
                },
            )?,
            utm_fields: utm_fields(env)?,
            requests_per_second,
            block: block.map(Duration::from_secs),
            tasks: CrmTasks::read(env)?,
        })
    }
}

impl CrmTasks {
    fn read(env: &Env<'_>) -> Result<Option<Self>, ConfigError> {
        const MINUTES: &str = "AMOCRM_TASK_MINUTES";
        let malformed = |name, must_be| ConfigError::Malformed { name, must_be };
        let must_be = "a whole number of minutes from 1 to 10080 (a week)";
        let minutes: u64 = env.parsed(MINUTES, must_be)?.unwrap_or(15);
        if !(1..=10_080).contains(&minutes) {
            return Err(malformed(MINUTES, must_be));
        }
        let hours = env.optional("AMOCRM_TASK_HOURS");
        let hours = WorkHours::parse(hours.as_deref().unwrap_or(WorkHours::DEFAULT));
        let hours = hours.ok_or_else(|| {
            malformed(
                "AMOCRM_TASK_HOURS",
                "whole hours such as 10-19, the later one at most 24",
            )
        })?;
        let text = env.even_empty("AMOCRM_TASK_TEXT");
        if text.as_ref().is_some_and(|text| text.chars().count() > 250) {
            return Err(malformed("AMOCRM_TASK_TEXT", "at most 250 characters"));
        }
        let tasks = Self {
            text,
            within: Duration::from_secs(minutes * 60),
            hours,
            users: users(env)?,
        };
        Ok((tasks.text.as_deref() != Some("")).then_some(tasks))
    }
}

fn users(env: &Env<'_>) -> Result<Vec<UserId>, ConfigError> {
    let raw = env.optional("AMOCRM_TASK_USERS").unwrap_or_default();
    let ids = raw.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| id.parse().ok().filter(|UserId(id)| *id > 0))
        .collect::<Option<_>>()
        .ok_or(ConfigError::Malformed {
            name: "AMOCRM_TASK_USERS",
            must_be: "numbers of users, separated by commas",
        })
}

impl Auth {
    fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        if let Some(token) = env.optional("AMOCRM_ACCESS_TOKEN") {
            return Ok(Self::LongLived(token.into()));
        }
        let hint = "give AMOCRM_ACCESS_TOKEN, or all of AMOCRM_CLIENT_ID, AMOCRM_CLIENT_SECRET, \
                    AMOCRM_REDIRECT_URI and AMOCRM_REFRESH_TOKEN";
        if env.optional("AMOCRM_CLIENT_ID").is_none() {
            return Err(ConfigError::Missing {
                name: "AMOCRM_ACCESS_TOKEN",
                hint,
            });
        }
        let client = OAuthClient {
            id: env.required("AMOCRM_CLIENT_ID", hint)?,
            secret: env.required("AMOCRM_CLIENT_SECRET", hint)?.into(),
            redirect_uri: env.required("AMOCRM_REDIRECT_URI", hint)?,
        };
        Ok(Self::OAuth {
            client,
            refresh: env.required("AMOCRM_REFRESH_TOKEN", hint)?.into(),
        })
    }
}

impl Stage {
    fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let pipeline: Option<PipelineId> = env.parsed("AMOCRM_PIPELINE_ID", "the number of a pipeline")?;
        let status: Option<StageId> = env.parsed("AMOCRM_STATUS_ID", "the number of a stage")?;
        if let (Some(pipeline), Some(status)) = (pipeline, status) {
            return Ok(Self::Ids(pipeline, status));
        }
        Ok(Self::Names(
            env.required(
                "AMOCRM_PIPELINE",
                "the pipeline's name, or AMOCRM_PIPELINE_ID and AMOCRM_STATUS_ID",
            )?,
            env.optional("AMOCRM_STAGE")
                .unwrap_or_else(|| "ЗАЯВКА_С_ПРОФТЕСТА".to_owned()),
        ))
    }
}

/// `acme`, `acme.amocrm.ru` and URLs become the account's URL. Plain http is accepted only on this machine.
fn base_url(raw: &str) -> Result<String, ConfigError> {
    let malformed = ConfigError::Malformed {
        name: "AMOCRM_BASE_URL",
        must_be: "a subdomain (acme), a host (acme.amocrm.ru) or an https:// URL of the account",
    };
    let raw = match raw {
        url if url.contains("://") => url.to_owned(),
        host if host.contains('.') => format!("https://{host}"),
        subdomain => format!("https://{subdomain}.amocrm.ru"),
    };
    let url = Url::parse(&raw).map_err(|_| malformed.clone())?;
    let host = url.host_str().unwrap_or_default();
    let local = super::is_our_name(host);
    if host.is_empty() || !(url.scheme() == "https" || url.scheme() == "http" && local) {
        return Err(malformed);
    }
    Ok(url.origin().ascii_serialization())
}

fn utm_fields(env: &Env<'_>) -> Result<Vec<(String, FieldId)>, ConfigError> {
    let malformed = ConfigError::Malformed {
        name: "AMOCRM_UTM_FIELD_IDS",
        must_be: "pairs like utm_source=123,utm_medium=124",
    };
    let raw = env.optional("AMOCRM_UTM_FIELD_IDS").unwrap_or_default();
    let pairs = raw.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, id) = pair.split_once('=').ok_or_else(|| malformed.clone())?;
            Ok((
                // As tags are kept.
                name.trim().to_lowercase(),
                id.trim().parse().map_err(|_| malformed.clone())?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("AMOCRM_BASE_URL", "acme"),
        ("AMOCRM_ACCESS_TOKEN", "secret"),
        ("AMOCRM_PIPELINE_ID", "1"),
        ("AMOCRM_STATUS_ID", "2"),
        ("AMOCRM_LEAD_ID_FIELD_ID", "3"),
    ];

    fn with(name: &str, value: &str) -> Result<AmoCrm, ConfigError> {
        read(&[&GOOD[..], &[(name, value)]].concat(), AmoCrm::read)
    }

    #[test]
    fn the_account_is_read_from_any_of_its_spellings() {
        for raw in [
            "acme",
            "acme.amocrm.ru",
            "https://acme.amocrm.ru/",
            "https://acme.amocrm.ru/leads/",
        ] {
            let read = with("AMOCRM_BASE_URL", raw).ok().unwrap();
            assert_eq!(read.base_url, "https://acme.amocrm.ru", "{raw}");
        }
        let kommo = with("AMOCRM_BASE_URL", "acme.kommo.com").ok().unwrap();
        assert_eq!(kommo.base_url, "https://acme.kommo.com");
        assert!(with("AMOCRM_BASE_URL", "http://acme.amocrm.ru").is_err());
        assert!(with("AMOCRM_BASE_URL", "http://127.0.0.1:1").is_ok());
        assert!(with("AMOCRM_BASE_URL", "http://172.17.0.1:1").is_ok());
    }

    #[test]
    fn the_stage_is_given_by_ids_or_by_names() {
        assert_eq!(
            read(&GOOD, AmoCrm::read).ok().unwrap().stage,
            Stage::Ids(PipelineId(1), StageId(2))
        );
        let names = [("AMOCRM_PIPELINE_ID", ""), ("AMOCRM_PIPELINE", "Воронка")];
        let table = [&GOOD[..], &names[..]].concat();
        let expected = Stage::Names("Воронка".into(), "ЗАЯВКА_С_ПРОФТЕСТА".into());
        assert_eq!(read(&table, AmoCrm::read).ok().unwrap().stage, expected);
    }

    #[test]
    fn what_is_missing_or_malformed_is_named_without_its_value() {
        for (name, value) in [
            ("AMOCRM_BASE_URL", ""),
            ("AMOCRM_ACCESS_TOKEN", ""),
            ("AMOCRM_LEAD_ID_FIELD_ID", "name"),
            ("AMOCRM_UTM_FIELD_IDS", "utm_source"),
            ("AMOCRM_REQUESTS_PER_SECOND", "51"),
            ("AMOCRM_REQUESTS_PER_SECOND", "0"),
            ("AMOCRM_TASK_MINUTES", "0"),
            ("AMOCRM_TASK_MINUTES", "10081"),
            ("AMOCRM_TASK_HOURS", "19-10"),
            ("AMOCRM_TASK_USERS", "1,Анна"),
            ("AMOCRM_TASK_USERS", "-1"),
        ] {
            let error = with(name, value).err().unwrap().to_string();
            assert!(
                error.starts_with(name) && !error.contains("secret"),
                "{name}: {error}"
            );
        }
        let fields = with("AMOCRM_UTM_FIELD_IDS", "utm_source=1, UTM_Medium=2")
            .ok()
            .unwrap()
            .utm_fields;
        assert_eq!(
            fields,
            [
                ("utm_source".to_owned(), FieldId(1)),
                ("utm_medium".to_owned(), FieldId(2)),
            ]
        );
    }

    #[test]
    fn a_task_has_its_defaults_and_an_empty_text_means_none() {
        let default = read(&GOOD, AmoCrm::read).ok().unwrap().tasks.unwrap();
        let expected = CrmTasks {
            text: None,
            within: Duration::from_mins(15),
            hours: WorkHours::parse("10-19").unwrap(),
            users: Vec::new(),
        };
        assert_eq!(default, expected);
        for off in ["", "  "] {
            assert_eq!(with("AMOCRM_TASK_TEXT", off).ok().unwrap().tasks, None);
        }
        let own = with("AMOCRM_TASK_TEXT", " Позвонить ")
            .ok()
            .unwrap()
            .tasks
            .unwrap();
        assert_eq!(own.text.as_deref(), Some("Позвонить"));
        let users = with("AMOCRM_TASK_USERS", "7, 8,,9")
            .ok()
            .unwrap()
            .tasks
            .unwrap()
            .users;
        assert_eq!(users, [UserId(7), UserId(8), UserId(9)]);
    }
}
