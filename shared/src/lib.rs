//! The library of the funnel. ARCHITECTURE.md has the map and the direction of imports.

pub mod aws;
pub mod batch;
pub mod clients;
pub mod config;
pub mod domain;
pub mod failpoint;
pub mod failure;
pub mod http;
pub mod random;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod texts;
