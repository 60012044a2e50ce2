//! The crm function: wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use proftest::aws::{self, secrets};
use proftest::{config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    let config = secrets::environment().await?.read(config::Crm::read)?;
    let app = crm::App::new(&config, &aws::sdk_config().await)?;
    app.warm_up().await;
    let app = &app;
    run(service_fn(|event: LambdaEvent<_>| async move {
        crm::handle(app, event.payload).await.map_err(Error::from)
    }))
    .await
}
