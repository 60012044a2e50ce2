//! stub

pub mod standins;
