//! The statements that only commands run. As in `proftest::store`, each is one statement and may be repeated.

mod erase;
mod gate;
mod reopen;

pub use erase::{Erased, erase, leads_of};
pub use gate::open_gate;
pub use reopen::{ChannelStanding, CrmStanding, Standing, reopen, reopen_crm};
