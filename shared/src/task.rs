//! The payloads of queue messages and schedules: ids and a version, never content. The row is the truth, a
//! message only wakes someone up, so a message that comes twice, late or out of order is harmless.

use crate::domain::ids::NotificationId;
use serde::{Deserialize, Serialize};

/// A task for `deliver`. A new version is a new variant, and readers keep the old one for a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum DeliverTask {
    /// Send what is due of this notification.
    DeliverV1 {
        /// The notification's id.
        notification: NotificationId,
    },
}

impl DeliverTask {
    /// The message body.
    ///
    /// # Errors
    /// None that can happen for these types; the signature is serde's.
    pub fn to_json(self) -> serde_json::Result<String> {
        serde_json::to_string(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes on the queue outlive a deployment: a change here needs a new version.
    #[test]
    fn the_first_version_stays_readable() {
        let body = r#"{"task":"deliver_v1","notification":"019abcde-0000-7000-8000-000000000001"}"#;
        let task: DeliverTask = serde_json::from_str(body).unwrap();
        assert_eq!(task.to_json().unwrap(), body);
    }

    #[test]
    fn an_unknown_task_is_refused() {
        for body in [
            "",
            "null",
            "{}",
            r#"{"task":"deliver_v2"}"#,
            r#"{"task":"deliver_v1","notification":"x"}"#,
        ] {
            assert!(serde_json::from_str::<DeliverTask>(body).is_err(), "{body}");
        }
    }
}
