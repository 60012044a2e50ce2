//! The governor: the rate of calls to amoCRM, for all processes together.

use crate::stop::Stop;
use proftest::failure::{Failure, chain};
use proftest::store::{Slot, Store};
use std::time::Duration;
use tokio::time::Instant;

/// A call that waits longer for a slot gives its task back.
const SLOT_WITHIN: Duration = Duration::from_secs(20);
/// Shortest pause between two requests for a slot.
const SLOT_PAUSE_MIN: Duration = Duration::from_millis(20);

/// Runs a request in one of `slots` slots.
///
/// The slot is held until a second after the answer. So the vendor never sees more requests in a second than there
/// are slots, however late packets arrive.
pub async fn in_slot<T>(
    store: &Store,
    slots: u16,
    request: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Stop> {
    let until = Instant::now() + SLOT_WITHIN;
    let slot = loop {
        match store.take_slot(slots).await? {
            Slot::Taken(slot) => break slot,
            Slot::Shut(_) => return Err(Stop::Shut),
            Slot::InUse(_) if Instant::now() >= until => {
                let why = "no slot of the governor was free in time";
                return Err(Stop::Wait(Duration::from_secs(5), why));
            }
            Slot::InUse(free_in) => {
                tokio::time::sleep(free_in.clamp(SLOT_PAUSE_MIN, Duration::from_secs(1))).await;
            }
        }
    };
    let answer = request.await;
    if let Err(error) = store.give_slot_back(slot).await {
        // The slot becomes free by itself after a while; until then calls are a little slower.
        tracing::warn!(error = chain(&error), "A slot could not be given back");
    }
    answer.map_err(Stop::Failed)
}
