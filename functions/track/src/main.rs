//! The track function: wiring only.

use lambda_http::{Error, Request, run, service_fn};
use proftest::{config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_filter().as_deref());
    let config = config::from_process(config::Track::read)?;
    let app = track::App::new(&config)?;
    app.warm_up().await;
    let app = &app;
    run(service_fn(|request: Request| async move {
        Ok::<_, Error>(track::handle(app, &request).await)
    }))
    .await
}
