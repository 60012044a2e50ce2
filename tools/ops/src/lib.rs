//! The commands for production: migrations, checks, repairs. No stand-in, emulator or console is compiled in.

pub mod actor;
pub mod cancel;
pub mod crm_gate;
pub mod database;
pub mod dead_letters;
pub mod doctor;
pub mod env_file;
pub mod erase;
pub mod lift_suppression;
pub mod local_stack;
pub mod migrate;
pub mod preview;
pub mod redrive;
pub mod rejudge;
pub mod release;
pub mod roles;
pub mod store;
