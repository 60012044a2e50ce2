//! SQS, EventBridge Scheduler and Secrets Manager, each behind one small module over the SDK's client.

pub use aws_config::{ConfigLoader, SdkConfig};

pub mod dead_letters;
pub mod queue;
pub mod scheduler;
pub mod secrets;

use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use std::time::Duration;

/// The SDK's configuration, with the environment's region and credentials.
pub async fn sdk_config() -> SdkConfig {
    sdk_loader().load().await
}

/// The same, before the environment is asked: ring for TLS, and deadlines short enough that a visitor does not
/// wait for AWS. Tests give it an endpoint of their own.
pub fn sdk_loader() -> ConfigLoader {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = aws_config::timeout::TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(800))
        .operation_attempt_timeout(Duration::from_millis(1200))
        .operation_timeout(Duration::from_millis(1800))
        .build();
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
}

/// A call to AWS that failed; there is always another way to the same end.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {why}")]
pub struct AwsError {
    call: &'static str,
    why: String,
}

impl AwsError {
    fn new<E, R>(call: &'static str, error: &aws_sdk_sqs::error::SdkError<E, R>) -> Self
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
