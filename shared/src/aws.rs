//! SQS, EventBridge Scheduler and Secrets Manager, each behind one small module over the SDK's client.

pub use aws_config::SdkConfig;

pub mod queue;
pub mod scheduler;
pub mod secrets;

use crate::config;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::identity::IdentityCache;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_sqs::config::{ProvideCredentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use std::time::Duration;

/// A function's SDK configuration. Lambda sets region and credentials in the environment; the SDK's own search would
/// add five more sources to every binary.
pub async fn sdk_config() -> SdkConfig {
    let mut sdk = bare(EnvironmentVariableCredentialsProvider::new()).into_builder();
    sdk.set_region(EnvironmentVariableRegionProvider::new().region().await);
    sdk.set_endpoint_url(config::aws_endpoint_url());
    sdk.build()
}

/// For an AWS emulator at `endpoint`, with fixed credentials.
pub fn sdk_at(endpoint: &str, region: &'static str) -> SdkConfig {
    let credentials = aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "local");
    bare(credentials)
        .into_builder()
        .region(Region::from_static(region))
        .endpoint_url(endpoint)
        .build()
}

/// For a person's machine, where credentials may also be in files.
pub fn sdk_loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts())
}

fn bare(credentials: impl ProvideCredentials + 'static) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard())
        .identity_cache(IdentityCache::lazy().build())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Short, so that a visitor does not wait for AWS.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(800))
        .operation_attempt_timeout(Duration::from_millis(1200))
        .operation_timeout(Duration::from_millis(1800))
        .build()
}

/// A failed call to AWS. Callers have a fallback.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {why}")]
pub struct AwsError {
    call: &'static str,
    why: String,
}

impl AwsError {
    /// `call` is the API's name, such as `SendMessage`.
    pub fn new<E, R>(call: &'static str, error: &aws_sdk_sqs::error::SdkError<E, R>) -> Self
    where
        E: std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        Self {
            call,
            why: crate::failure::chain(error),
        }
    }
}
