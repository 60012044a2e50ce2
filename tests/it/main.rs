//! The whole system, with real parts: PostgreSQL, the AWS emulator, the functions, stand-ins for the vendors.
//!
//! Nothing is mocked but the vendors, whose stand-ins hold to their contracts. Every test has a database of its
//! own; the journeys share one stack.
// The clippy settings that allow these in tests do not reach helpers outside `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounded;
mod cancel;
mod challenge;
mod challenge_browser;
mod consents;
mod crash_matrix;
mod crm_handover;
mod crm_rate;
mod crm_recovery;
mod crm_story;
mod crm_tasks;
mod crm_token;
mod deliver_balance;
mod deliver_batch;
mod deliver_doubt;
mod deliver_faults;
mod deliver_once;
mod deliver_story;
mod deploy_role;
mod doctor;
mod doctor_database;
mod erase;
mod exhaustion;
mod fuzz;
mod guard_all;
mod guard_contacts;
mod guard_floods;
mod guard_intake;
mod history;
mod hit_redirects;
mod hits;
mod holds;
mod intake;
mod intake_refusals;
mod intake_senders;
mod journey;
mod journey_browser;
mod migrations;
mod model;
mod outage;
mod outage_aws;
mod outage_clock;
mod outage_restarts;
mod outage_vendors;
mod permissions;
mod poison;
mod pooled;
mod python_packages;
mod receipts;
mod receipts_faults;
mod receipts_many;
mod receipts_policy;
mod receipts_polls;
mod recipient;
mod recipient_browser;
mod recipient_result;
mod recipient_stop;
mod redrive;
mod redrive_crm;
mod rejudge;
mod release;
mod retention;
mod retention_turns;
mod roles;
mod roles_command;
mod round_trips;
mod routes;
mod secrets;
mod statements;
mod store_errors;
mod strangers;
mod support;
mod sweep;
mod template;
mod template_alarms;
mod template_options;
mod template_removal;
mod template_routes;
mod template_secrets;
mod template_settings;
mod this_machine;
mod tidy;
mod tls;
mod track;
mod track_links;
mod unknown_sms;
mod vendor_matrix;
mod workflows;

#[path = "../../functions/page/tests/browser/axe.rs"]
mod axe;
/// The browser's driver, its machine and what visitors do are those of the page's own tests.
#[path = "../../functions/page/tests/browser/machine.rs"]
mod machine;
#[allow(dead_code, reason = "the page's own tests need more of it")]
#[path = "../../functions/page/tests/browser/visitor.rs"]
mod visitor;
#[path = "../../functions/page/tests/browser/walk.rs"]
mod walk;
