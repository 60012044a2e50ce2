//! The whole funnel on one machine.

pub mod migrate;
pub mod postgres;
pub mod preview;
pub mod process;
pub mod standins;
pub mod tools;
