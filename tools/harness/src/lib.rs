//! What the local stack, the tests and the bench share: PostgreSQL, the AWS emulator, functions as processes, the
//! vendors' stand-ins, and the world of a test.
#![allow(clippy::missing_panics_doc, reason = "only this workspace uses the crate")]

pub mod certificates;
pub mod emulator;
pub mod log;
pub mod person;
pub mod postgres;
pub mod process;
pub mod roles;
pub mod runtime_api;
pub mod tools;
pub mod vendors;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "parts of tests: what goes wrong there is a panic of the test"
)]
pub mod world;
