//! The commands for production: migrations, checks, repairs. Nothing of the local stack is compiled in.

#![allow(missing_docs, reason = "only this workspace uses the crate")]

pub mod crm_gate;
pub mod database;
pub mod dead_letters;
pub mod doctor;
pub mod env_file;
pub mod erase;
pub mod local_stack;
pub mod migrate;
pub mod preview;
pub mod redrive;
pub mod store;
