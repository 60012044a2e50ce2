//! What the funnel is about, free of SQL, HTTP and vendors.

pub mod message;
