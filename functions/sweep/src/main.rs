//! The sweep function: wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use proftest::aws::{self, secrets};
use proftest::{config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    let config = secrets::environment().await?.read(config::Sweep::read)?;
    let app = sweep::App::new(&config, &aws::sdk_config().await)?;
    let app = &app;
    run(service_fn(|_: LambdaEvent<serde_json::Value>| async move {
        sweep::handle(app).await.map_err(Error::from)
    }))
    .await
}
