//! One call to amoCRM: past the gate, in a slot of the governor, with a token.

use crate::{App, Stop};
use proftest::config::{self, Auth};
use proftest::failure::{Failure, Reaction};
use proftest::store::Slot;
use proftest::telemetry::{self, Unit};
use secrecy::SecretString;
use std::time::Duration;
use tokio::time::Instant;

/// How long a call may wait for a slot before its task is given back.
const SLOT_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks for a slot that may be free at any moment.
const SLOT_PAUSE_MIN: Duration = Duration::from_millis(20);
/// The gate stays shut for so long after a 401 or 402; then one call tries again.
const PARKED: Duration = Duration::from_mins(5);

/// Calls amoCRM with a token; shuts the gate where the answer asks for it.
pub async fn call<T, F>(app: &App, request: F) -> Result<T, Stop>
where
    F: AsyncFn(&SecretString) -> Result<T, Failure>,
{
    match with_token(app, request).await {
        Err(Stop::Failed(failure)) => Err(refused(app, failure).await),
        answer => answer,
    }
}

async fn with_token<T, F>(app: &App, request: F) -> Result<T, Stop>
where
    F: AsyncFn(&SecretString) -> Result<T, Failure>,
{
    let token = app.auth.token(app).await?;
    match in_slot(app, request(&token)).await {
        // An OAuth token may have been revoked before its time: once more, with a new one.
        Err(Stop::Failed(failure))
            if failure.reason.starts_with("amocrm 401") && matches!(app.settings.auth, Auth::OAuth(..)) =>
        {
            let token = app.auth.refreshed(app, &token).await?;
            in_slot(app, request(&token)).await
        }
        answer => answer,
    }
}

/// Runs a request in a slot of the governor.
///
/// The slot is held from before the request until a second after its answer, so that the vendor never sees
/// more requests in a second than there are slots, however late packets arrive.
pub async fn in_slot<T>(app: &App, request: impl Future<Output = Result<T, Failure>>) -> Result<T, Stop> {
    let until = Instant::now() + SLOT_WITHIN;
    let slot = loop {
        match app.store.take_slot(app.settings.requests_per_second).await? {
            Slot::Taken(slot) => break slot,
            Slot::Shut(_) => return Err(Stop::Shut),
            Slot::InUse(_) if Instant::now() >= until => {
                return Err(Stop::Wait(
                    Duration::from_secs(5),
                    "no slot of the governor was free in time",
                ));
            }
            Slot::InUse(free_in) => {
                tokio::time::sleep(free_in.clamp(SLOT_PAUSE_MIN, Duration::from_secs(1))).await;
            }
        }
    };
    let answer = request.await;
    if let Err(error) = app.store.give_slot_back(slot).await {
        // It is free by itself after a while; until then the fleet is a little slower.
        tracing::warn!(
            error = proftest::failure::chain(&error),
            "A slot could not be given back"
        );
    }
    answer.map_err(Stop::Failed)
}

/// Shuts the gate where a refusal asks for it.
pub async fn refused(app: &App, failure: Failure) -> Stop {
    let (opens_in, metric) = match failure.reaction {
        Reaction::Block => (app.settings.block, "CrmBlocked"),
        Reaction::Park => (Some(PARKED), "CrmParked"),
        Reaction::Retry { after: Some(after) } if failure.reason.starts_with("amocrm 429") => {
            (Some(after), "CrmLimited")
        }
        _ => return Stop::Failed(failure),
    };
    telemetry::metrics(&config::function_name(), &[(metric, 1.0, Unit::Count)]);
    if failure.reaction == Reaction::Block {
        tracing::error!(
            reason = failure.reason,
            "amoCRM has blocked us: no call at all until the gate is opened; \
            write to amoCRM's support, then run `cargo run -p ops -- open-crm-gate`"
        );
    } else {
        tracing::error!(reason = failure.reason, "The gate to amoCRM is shut for a while");
    }
    match app.store.shut_gate(opens_in, &failure.reason).await {
        Ok(()) => Stop::Failed(failure),
        Err(error) => Stop::Store(error),
    }
}
