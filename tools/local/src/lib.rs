//! The whole funnel on one machine.
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "no public reads it; the modules say what they are for"
)]

pub mod console;
pub mod gateway;
pub mod stack;
