//! The rules of the funnel, free of SQL, HTTP and vendors.

pub mod contact;
pub mod crm;
pub mod delivery;
pub mod ids;
pub mod message;
pub mod metadata;
pub mod quiz;
pub mod retry;
