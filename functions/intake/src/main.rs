//! The intake function: wiring only.

use lambda_http::{Error, Request};
use proftest::aws::{self, secrets};
use proftest::{config, http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    let config = secrets::environment().await?.read(config::Intake::read)?;
    let app = intake::App::new(&config, &aws::sdk_config().await)?;
    app.warm_up().await;
    let app: &'static _ = Box::leak(Box::new(app));
    http::serve(move |request: Request| intake::handle(app, request)).await
}
