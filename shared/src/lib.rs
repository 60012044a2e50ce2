//! The library crate of the funnel.
