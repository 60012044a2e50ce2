//! What the tests share besides the harness: the functions in this process, and what stands in their way.

pub mod crm;
pub mod cutoff;
pub mod delivery;
pub mod doctor;
pub mod front;
pub mod funnel;
pub mod guard;
pub mod guarded;
pub mod handover;
pub mod held;
pub mod hits;
pub mod hooks;
pub mod json;
pub mod printing;
pub mod proxy;
pub mod recipient;
pub mod redrive;
pub mod request;
pub mod server;
pub mod stack;
