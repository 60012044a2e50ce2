use clap::Args;
use proftest::config::{Database, Env, variable};
use proftest::store::Store;
use std::time::Duration;

#[derive(Args)]
pub struct Address {
    /// The database; `DATABASE_URL` when absent. On another host also `DATABASE_CA_PEM`.
    #[arg(long)]
    database_url: Option<String>,
}

impl Address {
    /// Reads no other variable. The error names the variable.
    pub fn settings(&self) -> Result<Database, String> {
        let lookup = |name: &str| match (name, &self.database_url) {
            ("DATABASE_URL", Some(url)) => Some(url.clone()),
            _ => variable(name),
        };
        Database::read(&Env::new(&lookup)).map_err(|error| error.to_string())
    }

    /// A store on one connection; `deadline` bounds each statement, connecting included.
    pub fn store(&self, deadline: Duration) -> Result<Store, String> {
        Store::new(&self.settings()?, 1, deadline).map_err(|error| error.to_string())
    }
}
