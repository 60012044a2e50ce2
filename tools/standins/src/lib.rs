//! Stand-ins for the vendors: HTTP servers on the loopback that check every request against the vendor's
//! published contract, answer as the vendor does, and can be told to fail in the ways vendors fail.
//!
//! Each vendor is a cheap-to-clone value ([`Resend`], [`Mobizon`], [`AmoCrm`]) whose `router()` goes to [`serve`].
//! Beside the vendor's own paths every stand-in answers:
//!
//! | path | methods | what |
//! |---|---|---|
//! | `/_sent` | GET, DELETE | everything accepted, newest last; DELETE forgets it and starts the counts anew |
//! | `/_stats` | GET | [`Stats`] |
//! | `/_faults` | GET, POST, DELETE | pending faults: list, add one (see [`Fault`]), clear |
//!
//! The same is at hand in process: `sent()` (amoCRM: `deals()`), `stats()`, `clear()`, `faults()`.

mod amocrm;
mod desk;
mod faults;
mod feed;
mod meter;
mod mobizon;
mod resend;
mod serve;

pub use amocrm::{
    AmoCrm, AmoCrmOptions, BoardDeal, BoardStage, CrmContact, CrmDeal, CrmNote, NameOrId, OAuthApp, Seed,
    SeedContact, SeedDeal, Seeded, SeededContact,
};
pub use desk::Stats;
pub use faults::{Fault, Faults, Mode};
pub use feed::{Feed, FeedEvent};
pub use mobizon::{Mobizon, MobizonOptions, SentSms};
pub use resend::{Attachment, Resend, ResendOptions, SentEmail, Tag, Template};
pub use serve::{Running, serve};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serialises a moment as RFC 3339 with milliseconds, in UTC.
fn rfc3339_millis<S: serde::Serializer>(at: &jiff::Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}
