//! The functions' database roles, on a server of ours: their password is the owner's.

use ops::roles::{self, MEMBERS, Plan};
use proftest::config::Database;
use proftest::store::connect;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// The name of a function's role.
pub fn role(function: &str) -> Result<String, String> {
    let member = MEMBERS.iter().find(|member| member.name == function);
    let member = member.ok_or_else(|| format!("{function} has no database role"))?;
    let [role, _] = member.roles();
    Ok(role)
}

pub fn password(owner_url: &str) -> Result<SecretString, String> {
    let parsed: Result<tokio_postgres::Config, _> = owner_url.parse();
    let parsed = parsed.map_err(|_| "the database's address cannot be read".to_owned())?;
    let password = String::from_utf8_lossy(parsed.get_password().unwrap_or_default()).into_owned();
    Ok(password.into())
}

/// The address at which a function reaches the database as its role.
pub fn url(owner_url: &str, function: &str) -> Result<String, String> {
    let address = roles::address(owner_url, &role(function)?, &password(owner_url)?)?;
    Ok(address.expose_secret().to_owned())
}

/// Makes the roles, where they are missing, and gives them their rights in this migrated database.
pub async fn prepare(client: &mut Client, password: SecretString) -> Result<(), String> {
    let plan = Plan {
        password: Some(password),
        ..Plan::default()
    };
    roles::apply(client, &plan, |_| Ok(())).await.map(|_| ())
}

/// How the owner and each function reach a database.
#[derive(Clone)]
pub struct Addresses {
    pub owner: Database,
    /// By the function's name.
    pub functions: BTreeMap<&'static str, String>,
}

impl Addresses {
    /// Of a migrated database: prepares the roles, and makes sure that they can log in.
    pub async fn prepare(owner: Database) -> Result<Self, String> {
        let owner_url = owner.url.expose_secret();
        let mut client = connect(&owner).await.map_err(|error| error.to_string())?;
        prepare(&mut client, password(owner_url)?).await?;
        let mut functions = BTreeMap::new();
        for member in &MEMBERS {
            let url = url(owner_url, member.name)?;
            let database = Database {
                url: url.clone().into(),
                ca_pem: owner.ca_pem.clone(),
            };
            connect(&database).await.map_err(|error| {
                format!(
                    "{error}; the role of {} is another installation's on this server: drop the roles proftest_… there, or \
                     unset DATABASE_URL",
                    member.name
                )
            })?;
            functions.insert(member.name, url);
        }
        Ok(Self { owner, functions })
    }
}
