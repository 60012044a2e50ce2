//! Secrets Manager: a variable that refers to a secret gets its value, once, in Init.
//!
//! The reasons are in docs/adr/0013-secrets-are-fetched-in-init.md. The call is no step of `failpoint`: it only
//! reads, before the process has any work.

use super::AwsError;
use crate::config::Environment;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// For one attempt. The first one of a sandbox includes DNS and TLS.
const ATTEMPT: Duration = Duration::from_secs(2);
/// For all attempts at one secret. Init has ten seconds and must connect to the database too. Source: AWS Lambda
/// developer guide, "Understanding the Lambda execution environment lifecycle".
const ALL_ATTEMPTS: Duration = Duration::from_secs(6);
const ATTEMPTS_MAX: u32 = 3;

/// A secret that could not be fetched. Names the variable, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret of {variable} could not be fetched: {why}")]
pub struct SecretError {
    variable: String,
    why: String,
}

/// The process's environment, with secrets in place of their references. Without references it makes no call.
///
/// Fails at the first variable whose secret is denied, absent, not a text, or not reached in time.
pub async fn environment() -> Result<Environment, SecretError> {
    let mut environment = Environment::of_process();
    let references = environment.references();
    let ids = distinct(&references)?;
    if ids.is_empty() {
        return Ok(environment);
    }
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(ALL_ATTEMPTS);
    let sdk = super::sdk_config()
        .await
        .into_builder()
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
        .build();
    let client = Client::new(&sdk);
    let client = &client;
    let fetch = async |id| (id, fetch(client, id).await);
    let fetched: BTreeMap<_, _> = futures::future::join_all(ids.into_iter().map(fetch))
        .await
        .into_iter()
        .collect();
    for (variable, id) in &references {
        match &fetched[id.as_str()] {
            Ok(value) => environment.set(variable.clone(), value.clone()),
            Err(why) => return Err(error(variable, why)),
        }
    }
    Ok(environment)
}

/// The ids of the secrets, each once.
fn distinct(references: &[(String, String)]) -> Result<BTreeSet<&str>, SecretError> {
    let checked = references.iter().map(|(variable, id)| {
        // `sam local` puts a logical id here; and a policy for a name alone could not be exact.
        let is_arn = id.starts_with("arn:") && id.contains(":secretsmanager:");
        is_arn
            .then_some(id.as_str())
            .ok_or_else(|| error(variable, "what follows secretsmanager: is no ARN of a secret"))
    });
    checked.collect()
}

async fn fetch(client: &Client, id: &str) -> Result<String, String> {
    let answer = client.get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| AwsError::new("GetSecretValue", &error).to_string())?;
    let text = answer.secret_string().map(str::to_owned);
    text.ok_or_else(|| "it is binary, and must be a text".to_owned())
}

fn error(variable: &str, why: &str) -> SecretError {
    SecretError {
        variable: variable.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:database-AbCdEf";

    fn references(references: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = references
            .iter()
            .map(|(name, id)| ((*name).to_owned(), (*id).to_owned()));
        owned.collect()
    }

    #[test]
    fn a_secret_of_two_variables_is_fetched_once() {
        let references = references(&[("A", ARN), ("B", ARN)]);
        assert_eq!(distinct(&references), Ok(BTreeSet::from([ARN])));
    }

    #[test]
    fn a_reference_to_anything_but_a_secret_s_arn_names_its_variable() {
        for id in [
            "",
            "DatabaseUrlSecret",
            "arn:aws:sqs:eu-central-1:000000000000:queue",
        ] {
            let references = references(&[("A", ARN), ("DATABASE_URL", id)]);
            let refused = distinct(&references).unwrap_err();
            assert_eq!(refused.variable, "DATABASE_URL", "{id}: {refused}");
        }
    }
}
