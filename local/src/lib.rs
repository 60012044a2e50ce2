//! The whole funnel on one machine.

pub mod certificates;
pub mod console;
pub mod doctor;
pub mod emulator;
pub mod env_file;
pub mod erase;
pub mod gateway;
pub mod migrate;
pub mod postgres;
pub mod preview;
pub mod process;
pub mod redrive;
pub mod runtime_api;
pub mod stack;
pub mod standins;
pub mod steps;
pub mod tools;
