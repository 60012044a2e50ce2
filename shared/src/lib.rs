//! The library crate of the funnel.

pub mod domain;
