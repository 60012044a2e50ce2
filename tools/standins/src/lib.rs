//! Stand-ins for the vendors: HTTP servers on the loopback that check every request against the vendor's
//! published contract, answer as the vendor does, and can be told to fail in the ways vendors fail.
//!
//! Each has what the product's clients send, and refuses the rest, so that a misspelling shows.
//!
//! [`Resend`], [`Mobizon`], [`AmoCrm`] and [`Turnstile`] are cheap to clone; their `router()` goes to [`serve`]. Ask the value for what
//! it accepted (`sent()`, amoCRM: `deals()`), its counts (`stats()`) and its faults (`faults()`).
#![allow(clippy::missing_panics_doc, reason = "only this workspace uses the crate")]

mod amocrm;
pub mod browser;
mod control;
mod faults;
mod hooks;
mod meter;
mod mobizon;
mod resend;
mod serve;
mod turnstile;

pub use amocrm::{
    AmoCrm, AmoCrmOptions, BoardDeal, BoardStage, BoardTask, CrmContact, CrmDeal, CrmNote, CrmTask, OAuthApp,
    Seed, SeedContact, SeedDeal, Seeded, SeededContact,
};
pub use control::Stats;
pub use faults::{Fault, Faults, Mode};
pub use hooks::{HookStats, Webhook};
pub use mobizon::{HookForm, Mobizon, MobizonOptions, STATUSES, SentSms};
pub use resend::{Bounce, MailEvent, Resend, ResendOptions, SentEmail, Tag};
pub use serve::{Running, serve};
pub use turnstile::Turnstile;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: every holder leaves the data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
