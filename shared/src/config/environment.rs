//! The process's environment, and the references to secrets in it.

use super::{ConfigError, Env};
use std::collections::BTreeMap;

/// The prefix of a reference; the secret's ARN follows.
const REFERENCE: &str = "secretsmanager:";

/// A variable of the process's environment; `None` if it is unset, empty or not Unicode. For tools only: a function
/// reads its settings with [`Environment::read`].
#[allow(clippy::disallowed_methods, reason = "the one reader of single variables")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Variables with their values. It has no `Debug`, because some are secret.
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// From name and value.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The process's variables. One that is not Unicode counts as absent.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::new(std::env::vars_os().filter_map(text))
    }

    /// Each variable that refers to a secret, with the text after `secretsmanager:`, ordered by name.
    pub fn references(&self) -> Vec<(String, String)> {
        let reference = |(name, value): (&String, &String)| {
            let id = value.trim().strip_prefix(REFERENCE)?;
            Some((name.clone(), id.trim().to_owned()))
        };
        self.0.iter().filter_map(reference).collect()
    }

    /// Sets a variable.
    pub fn set(&mut self, variable: String, value: String) {
        self.0.insert(variable, value);
    }

    /// Reads a configuration.
    pub fn read<T>(&self, read: fn(&Env<'_>) -> Result<T, ConfigError>) -> Result<T, ConfigError> {
        read(&Env::new(&|name| self.0.get(name).cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn only_values_that_begin_with_the_prefix_refer_to_a_secret() {
        let environment = environment(&[
            ("PLAIN", "postgres://user:password@127.0.0.1/secretsmanager:arn"),
            ("EMPTY", ""),
            ("NOTHING_BEHIND_IT", "secretsmanager:"),
            (
                "OTHER_CASE",
                "SecretsManager:arn:aws:secretsmanager:eu-central-1:1:secret:a",
            ),
            (
                "SPACED",
                "  secretsmanager: arn:aws:secretsmanager:eu-central-1:1:secret:b \n",
            ),
            (
                "REFERS",
                "secretsmanager:arn:aws:secretsmanager:eu-central-1:1:secret:c",
            ),
        ]);
        let references = environment.references();
        let references: Vec<(&str, &str)> = references
            .iter()
            .map(|(name, id)| (name.as_str(), id.as_str()))
            .collect();
        assert_eq!(
            references,
            [
                ("NOTHING_BEHIND_IT", ""),
                ("REFERS", "arn:aws:secretsmanager:eu-central-1:1:secret:c"),
                ("SPACED", "arn:aws:secretsmanager:eu-central-1:1:secret:b"),
            ]
        );
    }

    #[test]
    fn what_is_set_later_is_read_and_is_no_reference_any_more() {
        let mut environment = environment(&[("CRM_QUEUE_URL", "secretsmanager:arn")]);
        environment.set("CRM_QUEUE_URL".to_owned(), "http://queue".to_owned());
        assert_eq!(environment.references(), []);
        let url = environment.read(crate::config::crm_queue_url);
        assert_eq!(url, Ok("http://queue".to_owned()));
    }
}
