//! The recipient function: wiring only.

use lambda_http::{Error, Request};
use proftest::aws::secrets;
use proftest::{config, http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    let config = secrets::environment().await?.read(config::Recipient::read)?;
    let app = recipient::App::new(&config)?;
    app.warm_up().await;
    let app: &'static _ = Box::leak(Box::new(app));
    http::serve(move |request: Request| async move { recipient::handle(app, &request).await }).await
}
