//! What the local stack, the tests and the bench share: PostgreSQL, the AWS emulator, functions as processes, the
//! vendors' stand-ins, and the world of a test.
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "no public reads it; the modules say what they are for"
)]

pub mod certificates;
pub mod emulator;
pub mod person;
pub mod postgres;
pub mod process;
pub mod runtime_api;
pub mod steps;
pub mod tools;
pub mod vendors;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "parts of tests: what goes wrong there is a panic of the test"
)]
pub mod world;
