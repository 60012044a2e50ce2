//! The whole funnel on one machine.
#![allow(clippy::missing_panics_doc, reason = "only this workspace uses the crate")]

pub mod console;
pub mod gateway;
pub mod stack;
