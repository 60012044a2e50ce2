//! The track function: wiring only.

use lambda_http::{Error, Request};
use proftest::aws::secrets;
use proftest::{config, http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    let config = secrets::environment().await?.read(config::Track::read)?;
    let app = track::App::new(&config)?;
    app.warm_up().await;
    let app: &'static _ = Box::leak(Box::new(app));
    http::serve(move |request: Request| async move { track::handle(app, &request).await }).await
}
