//! What the local stack, the tests and the bench share: PostgreSQL, the AWS emulator, functions as processes.

pub mod certificates;
pub mod emulator;
pub mod postgres;
pub mod process;
pub mod runtime_api;
pub mod steps;
pub mod tools;
