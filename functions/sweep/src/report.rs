//! What the alarms and the dashboard look at.

use proftest::config;
use proftest::domain::limits::{Limit, Limits};
use proftest::store::{Backlog, GuardState};
use proftest::telemetry::{self, Unit};

/// On a quiet day the shares are those of so many e-mails: one bounce, or one complaint, is no reason to wake anybody. Two
/// complaints pass the alarm, three bounces do.
const BOUNCES_OF: i64 = 100;
const COMPLAINTS_OF: i64 = 2000;

/// In percent of all, or of `least` when they are fewer.
#[allow(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
fn share(some: i64, all: i64, least: i64) -> f64 {
    some as f64 * 100.0 / all.max(least) as f64
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
pub fn backlog(backlog: &Backlog) {
    telemetry::metrics(
        &config::function_name(),
        &[
            (
                "OldestOverdueSeconds",
                backlog.oldest_overdue_seconds,
                Unit::Seconds,
            ),
            ("OverdueNotifications", backlog.overdue as f64, Unit::Count),
            ("PendingNotifications", backlog.pending as f64, Unit::Count),
            (
                "FailedNotificationsLastDay",
                backlog.failed_last_day as f64,
                Unit::Count,
            ),
            ("LeadsLastDay", backlog.leads_last_day as f64, Unit::Count),
            ("DeliveredLastDay", backlog.delivered_last_day as f64, Unit::Count),
            ("OnTimeLastDay", backlog.on_time_last_day as f64, Unit::Count),
            ("ClickedLastDay", backlog.clicked_last_day as f64, Unit::Count),
            (
                "BouncedPercent",
                share(backlog.bounced_last_day, backlog.mails_last_day, BOUNCES_OF),
                Unit::Percent,
            ),
            (
                "ComplainedPercent",
                share(backlog.complained_last_day, backlog.mails_last_day, COMPLAINTS_OF),
                Unit::Percent,
            ),
            ("ParkedDeliveries", backlog.parked as f64, Unit::Count),
            ("OverdueCrmTasks", backlog.crm_overdue as f64, Unit::Count),
            ("FailedCrmTasks", backlog.crm_failed as f64, Unit::Count),
            ("CrmGateShut", backlog.crm_gate_shut as f64, Unit::Count),
        ],
    );
}

/// What is used of a budget, in percent of it; 0 when the limits are off.
#[allow(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
fn percent(limits: &Limits, used: i64, limit: Limit) -> f64 {
    if !limits.is_on() {
        return 0.0;
    }
    used as f64 * 100.0 / f64::from(limits.get(limit))
}

#[allow(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
pub fn guard(state: &GuardState, limits: &Limits) {
    let budgets = [
        ("SmsHourPercent", state.sms_hour, Limit::SmsHour),
        ("SmsDayPercent", state.sms_day, Limit::SmsDay),
        ("MailHourPercent", state.mail_hour, Limit::MailHour),
        ("MailDayPercent", state.mail_day, Limit::MailDay),
        // The limit is in whole units of the currency.
        ("MoneyDayPercent", state.money_day / 100, Limit::MoneyDay),
    ];
    let budgets = budgets.map(|(metric, used, limit)| (metric, limit.name(), percent(limits, used, limit)));
    let burnt = f64::max(
        percent(limits, state.sms_ten_minutes, Limit::SmsHour),
        percent(limits, state.mail_ten_minutes, Limit::MailHour),
    );
    let mut most = 0.0;
    for (_, limit, used) in budgets {
        most = f64::max(most, used);
        if used >= 50.0 {
            tracing::warn!(
                limit,
                percent = used,
                "A budget of all is used up by half or more"
            );
        }
    }
    let mut metrics: Vec<_> = budgets
        .iter()
        .map(|(metric, _, used)| (*metric, *used, Unit::Percent))
        .collect();
    metrics.extend([
        ("BudgetPercent", most, Unit::Percent),
        ("BurntInTenMinutesPercent", burnt, Unit::Percent),
        ("HeldDeliveries", state.held as f64, Unit::Count),
        ("HeldLastHour", state.held_last_hour as f64, Unit::Count),
        ("SmsWithoutClick", state.sms_without_click as f64, Unit::Count),
    ]);
    telemetry::metrics(&config::function_name(), &metrics);
}
