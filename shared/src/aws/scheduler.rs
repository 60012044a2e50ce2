//! EventBridge Scheduler: one schedule per notification. It sends a message to the queue.

use super::AwsError;
use crate::config::Schedule;
use crate::domain::ids::NotificationId;
use crate::failpoint::{Step, step};
use crate::task::{self, DeliverTask};
use aws_sdk_scheduler::error::SdkError;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use jiff::{SignedDuration, Timestamp};

/// Creates schedules.
#[derive(Debug, Clone)]
pub struct Scheduler {
    client: aws_sdk_scheduler::Client,
    settings: std::sync::Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    group: String,
    role_arn: String,
    queue_arn: String,
    dlq_arn: Option<String>,
    lead: SignedDuration,
}

impl Scheduler {
    /// Schedules go into `schedule.group` and send as `schedule.role_arn`.
    pub fn new(config: &aws_config::SdkConfig, schedule: &Schedule) -> Self {
        Self {
            client: aws_sdk_scheduler::Client::new(config),
            settings: std::sync::Arc::new(Settings {
                group: schedule.group.clone(),
                role_arn: schedule.role_arn.clone(),
                queue_arn: schedule.queue_arn.clone(),
                dlq_arn: schedule.dlq_arn.clone(),
                lead: SignedDuration::try_from(schedule.lead).unwrap_or(SignedDuration::ZERO),
            }),
        }
    }

    /// Opens the connection before the first schedule; otherwise as [`Queue::warm_up`](super::queue::Queue::warm_up).
    pub async fn warm_up(&self) {
        let look = self.client.get_schedule_group().name(&self.settings.group);
        if let Err(error) = look.send().await {
            let error = AwsError::new("GetScheduleGroup", &error);
            tracing::warn!(%error, "No connection to EventBridge Scheduler at start");
        }
    }

    /// Wakes a notification `SCHEDULE_LEAD_SECONDS` before it is due. An existing schedule of this name is a success:
    /// the name is the notification's id.
    pub async fn wake_at(&self, notification: NotificationId, due: Timestamp) -> Result<(), AwsError> {
        let call = "CreateSchedule";
        let build = |error: aws_sdk_scheduler::error::BuildError| AwsError {
            call,
            why: error.to_string(),
        };
        let input = task::body(&DeliverTask::DeliverV1 { notification });
        let dead_letters = self
            .settings
            .dlq_arn
            .as_ref()
            .map(|arn| DeadLetterConfig::builder().arn(arn).build());
        let target = Target::builder()
            .arn(&self.settings.queue_arn)
            .role_arn(&self.settings.role_arn)
            .input(input)
            .set_dead_letter_config(dead_letters)
            // Attempts for an hour; the sweep wakes the row long before that.
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_retry_attempts(20)
                    .maximum_event_age_in_seconds(3600)
                    .build(),
            )
            .build()
            .map_err(build)?;
        let window = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .map_err(build)?;
        let create = self
            .client
            .create_schedule()
            .name(notification.to_string())
            .group_name(&self.settings.group)
            .schedule_expression(at(due, self.settings.lead))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            // With it, the SDK's own retry after a lost answer is a repetition, not a conflict.
            .client_token(notification.to_string());
        match step(Step::CreateSchedule, create.send()).await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(refused)) if refused.err().is_conflict_exception() => Ok(()),
            Err(error) => Err(AwsError::new(call, &error)),
        }
    }
}

/// `at(yyyy-mm-ddThh:mm:ss)` in UTC, without fraction or zone suffix. A time in the past fires at once. Source:
/// EventBridge Scheduler, schedule types.
fn at(due: Timestamp, lead: SignedDuration) -> String {
    let fire = due.checked_sub(lead).unwrap_or(due);
    format!("at({})", fire.strftime("%Y-%m-%dT%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_is_utc_without_a_zone_and_the_lead_before_due() {
        let due: Timestamp = "2026-11-22T23:59:30.987Z".parse().unwrap();
        assert_eq!(at(due, SignedDuration::from_secs(60)), "at(2026-11-22T23:58:30)");
        assert_eq!(at(due, SignedDuration::ZERO), "at(2026-11-22T23:59:30)");
    }

    #[test]
    fn the_name_and_token_fit() {
        // Name and ClientToken: at most 64 of [0-9a-zA-Z-_.]. Source: CreateSchedule.
        let name = NotificationId::new().to_string();
        assert!(
            name.len() <= 64
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        );
    }
}
