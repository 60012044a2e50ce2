//! The whole system, with real parts: PostgreSQL, the AWS emulator, the functions, stand-ins for the vendors.
//!
//! Nothing is mocked but the vendors, whose stand-ins hold to their contracts. Every test has a database of its
//! own; the journeys share one stack.
// The clippy settings that allow these in tests do not reach helpers outside `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod crash_matrix;
mod crm_rate;
mod crm_recovery;
mod crm_story;
mod deliver_doubt;
mod deliver_faults;
mod deliver_once;
mod deliver_story;
mod intake;
mod intake_refusals;
mod journey;
mod journey_recovery;
mod journey_result;
mod migrations;
mod outage;
mod processes;
mod round_trips;
mod statements;
mod support;
mod sweep;
mod template;
mod template_settings;
mod tidy;
mod track;
