//! The settings as the functions read them. No vendor is called.

use super::{Findings, Level};
use proftest::config::{self, ConfigError, Env};
use proftest::domain::message;
use proftest::texts::{Locale, texts};
use std::cell::RefCell;
use std::collections::HashMap;

/// Variables that template.yaml fills in: queues, schedule group, role.
const DEPLOYED: [&str; 6] = [
    "NOTIFICATIONS_QUEUE_URL",
    "NOTIFICATIONS_QUEUE_ARN",
    "NOTIFICATIONS_DLQ_ARN",
    "CRM_QUEUE_URL",
    "SCHEDULE_GROUP",
    "SCHEDULER_ROLE_ARN",
];
/// Length of the longest value that AWS generates.
const DEPLOYED_CHARS: usize = 130;
/// A function's variables hold only `secretsmanager:` and an ARN for a secret, whatever its length.
const REFERENCE_CHARS: usize = 150;
/// All variables of a function together. Source: AWS Lambda quotas, «Environment variables».
const VARIABLES_BYTES_MAX: usize = 4096;
const SAMPLE_CODE: &str = "0123456789ab";

/// Reads everything as each function does at its start.
pub(super) fn examine(lookup: &dyn Fn(&str) -> Option<String>, findings: &mut Findings) {
    if let Some(intake) = read(lookup, "intake", config::Intake::read, findings)
        && !intake.guard.limits.is_on()
    {
        findings.wrong(
            "LIMITS=off counts nothing and holds nothing, so strangers can spend the SMS account: remove it, or change single \
             limits",
        );
    }
    read(lookup, "track", config::Track::read, findings);
    if let Some(receipts) = read(lookup, "receipts", config::Receipts::read, findings) {
        for (variable, is_absent, what) in [
            (
                "RESEND_WEBHOOK_SECRETS",
                receipts.resend.is_empty(),
                "bounces and complaints are found late or never",
            ),
            (
                "MOBIZON_WEBHOOK_SECRETS",
                receipts.mobizon.is_empty(),
                "what became of an SMS is found by asking, minutes later",
            ),
        ] {
            if is_absent {
                findings.warn(format!(
                    "receipts are not configured: without {variable} {what}; make the webhook in the vendor's panel"
                ));
            }
        }
    }
    read(lookup, "recipient", config::Recipient::read, findings);
    read(lookup, "sweep", config::Sweep::read, findings);
    read(lookup, "crm", config::Crm::read, findings);
    if let Some(deliver) = read(lookup, "deliver", config::Deliver::read, findings) {
        let link = format!("{}/l/{SAMPLE_CODE}", deliver.links.short);
        match message::sms(texts(Locale::Ru), &link) {
            Ok(sms) => findings.ok(format!(
                "an SMS takes {} of the {} characters of one segment",
                message::ucs2_units(sms.as_str()),
                message::SMS_UNITS_MAX
            )),
            Err(too_long) => findings.wrong(too_long.to_string()),
        }
    }
    if findings.list.iter().all(|found| found.level != Level::Wrong) {
        findings.ok("every function would start with these variables");
    }
}

fn read<T>(
    lookup: &dyn Fn(&str) -> Option<String>,
    function: &str,
    read: fn(&Env<'_>) -> Result<T, ConfigError>,
    findings: &mut Findings,
) -> Option<T> {
    let asked = RefCell::new(HashMap::new());
    let set = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    // Each function has an address of its own.
    let own = format!("{}_DATABASE_URL", function.to_uppercase());
    let own_url = set(&own);
    let recorded = |name: &str| {
        let given = own_url
            .clone()
            .filter(|_| name == "DATABASE_URL")
            .or_else(|| set(name));
        let value = given.or_else(|| DEPLOYED.contains(&name).then(|| "x".repeat(DEPLOYED_CHARS)));
        let length = match &value {
            Some(_) if config::is_secret(name) => REFERENCE_CHARS,
            value => value.as_ref().map_or(0, String::len),
        };
        let bytes = name.len() + length;
        asked.borrow_mut().insert(name.to_owned(), bytes);
        value
    };
    // No configuration reads it, but template.yaml sets it for each function.
    let _ = recorded("RUST_LOG");
    let read = read(&Env::new(&recorded));
    let read = read.map_err(|error| match &own_url {
        Some(_) => findings.wrong(error.to_string().replace("DATABASE_URL", &own)),
        None => findings.wrong(error.to_string()),
    });
    let read = read.ok();
    let bytes: usize = asked.into_inner().into_values().sum();
    if read.is_some() && bytes > VARIABLES_BYTES_MAX {
        findings.wrong(format!(
            "the variables of {function} take {bytes} bytes and Lambda allows {VARIABLES_BYTES_MAX}: \
             DATABASE_CA_PEM must be the one root certificate, without text around it"
        ));
    }
    read
}
