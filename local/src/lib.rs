//! The whole funnel on one machine.

pub mod preview;
