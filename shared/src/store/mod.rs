//! The database. Only this module knows SQL; long statements stand as `.sql` files beside it.
//!
//! Every operation is one statement in one round trip, sent unnamed (`query_typed`), because named prepared statements
//! break behind transaction poolers. Every statement may be repeated: it says at its head why.

mod batches;
mod clicks;
mod crm;
mod deliveries;
mod governor;
mod leads;
mod overdue;
mod pool;
mod tls;
mod tokens;
mod types;

pub use batches::Member;
pub use clicks::{Click, Clicked, Target};
pub use crm::{CRM_LEASE, CrmClaim, CrmWork, Shut};
pub use deliveries::{Attempt, Claim, Due, Pinned};
pub use governor::Slot;
pub use leads::{NewLead, Pending, Saved};
pub use overdue::Backlog;
pub use pool::{Fence, PgError, Store, StoreError, connect};
pub use tokens::Rotation;
pub use types::{Param, Seconds, Typed, param};

pub use tokio_postgres::Row;

use std::time::Duration;

/// How long after it was due the sweep wakes a row that nothing has woken. Longer than a schedule may be late
/// (EventBridge Scheduler: 60 s), so that the sweep does not race it.
pub const WAKE_GRACE: Duration = Duration::from_secs(90);
