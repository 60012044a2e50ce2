//! The payloads of queue messages and schedules: ids and a version, never content. The row is the truth and a message
//! only wakes a function, so a repeated, late or unordered message does no harm.

use crate::domain::ids::{LeadId, NotificationId};
use serde::{Deserialize, Serialize};

/// A task for `deliver`. A new version is a new variant; readers keep the old one for a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum DeliverTask {
    /// Send what is due of this notification.
    DeliverV1 {
        /// The notification to deliver.
        notification: NotificationId,
    },
}

/// A task for `crm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum CrmTask {
    /// Bring amoCRM in line with this lead's row.
    CrmV1 {
        /// The lead to work on.
        lead: LeadId,
    },
}

/// The message body of a task.
pub fn body<T: Serialize>(task: &T) -> String {
    // Serialising two plain fields cannot fail; an empty body would go to the DLQ.
    serde_json::to_string(task).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages outlive a deployment: a change here needs a new version.
    #[test]
    fn the_first_version_stays_readable() {
        let body = r#"{"task":"deliver_v1","notification":"019abcde-0000-7000-8000-000000000001"}"#;
        let task: DeliverTask = serde_json::from_str(body).unwrap();
        assert_eq!(super::body(&task), body);
        let body = r#"{"task":"crm_v1","lead":"019abcde-0000-7000-8000-000000000001"}"#;
        let task: CrmTask = serde_json::from_str(body).unwrap();
        assert_eq!(super::body(&task), body);
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
