//! The statements that only commands run. As in `proftest::store`, each is one statement and may be repeated.

mod cancel;
mod erase;
mod gate;
mod lift;
mod rejudge;
mod release;
mod reopen;

pub use cancel::{Cancelled, Span, cancel};
pub use erase::{Erased, erase, lead, leads_of};
pub use gate::open_gate;
pub use lift::{Suppressed, Suppression, lift};
pub use rejudge::{KeptHit, Rejudged, older_hits, rejudge};
pub use release::{Held, Release, held_now, release};
pub use reopen::{ChannelStanding, CrmStanding, Standing, reopen, reopen_crm};
