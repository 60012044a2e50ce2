//! The page function: wiring only.

use lambda_http::{Error, Request};
use proftest::{config, http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    http::serve(|request: Request| async move { page::handle(&request) }).await
}
