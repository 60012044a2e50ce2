//! The page function: wiring only.

use lambda_http::{Error, Request, run, service_fn};
use proftest::{config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    run(service_fn(|request: Request| async move {
        Ok::<_, Error>(page::handle(&request))
    }))
    .await
}
