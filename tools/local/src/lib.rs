//! The whole funnel on one machine.

pub mod console;
pub mod gateway;
pub mod stack;
