//! The database. Only this module knows SQL; long statements are `.sql` files beside it.
//!
//! Every operation is one statement in one round trip, sent unnamed (`query_typed`): named prepared statements break
//! behind transaction poolers. Every statement may be repeated; its head says why.

mod batches;
mod crm;
mod deliveries;
mod error;
mod governor;
mod hits;
mod holds;
mod leads;
mod overdue;
mod pool;
mod receipts;
mod recipient;
mod retention;
mod tls;
mod tokens;
mod types;

pub use batches::Member;
pub use crm::{CRM_LEASE, CrmClaim, CrmWork, DealSaved, Shut, TaskDue, Told};
pub use deliveries::{Attempt, Claim, Due, Pinned};
pub use error::{PgError, StoreError, with_message};
pub use governor::Slot;
pub use hits::{NewHit, Recorded, Target};
pub use holds::GuardState;
pub use leads::{AddressUse, NewLead, Pending, Saved};
pub use overdue::Backlog;
pub use pool::{Fence, Store, connect};
pub use receipts::Unmirrored;
pub use recipient::ToldResult;
pub use retention::Expired;
pub use tokens::Rotation;
pub use types::{Param, Seconds, Typed, param};

pub use tokio_postgres::Row;

use std::time::Duration;

/// How long after its due time the sweep wakes a row that was not woken. It is longer than a schedule may be late
/// (EventBridge Scheduler: 60 s), so the sweep does not race the schedule.
pub const WAKE_GRACE: Duration = Duration::from_secs(90);
