//! A lead's journey on a stack whose functions may do only what template.yaml allows them.
//!
//! What this cannot show, because the emulator does not look: `iam:PassRole`, the scheduler's own role, what an event
//! source mapping does for its function, and the log group. `template_removal` compares those with the code.

use crate::support::stack::{DELAY, Stack};
use harness::world::{eventually, run};
use proftest::aws::queue::Queue;
use proftest::domain::ids::NotificationId;
use proftest::task::DeliverTask;
use serde_json::Value;
use standins::{Fault, Mode};
use std::collections::BTreeSet;
use std::time::Duration;

const READ: &str = "secretsmanager:GetSecretValue";

/// What each function does to AWS in the journey below: its action, and the end of the resource's name.
const DONE: [(&str, &str, &str); 25] = [
    ("intake", "scheduler:CreateSchedule", "schedule"),
    ("intake", "sqs:SendMessage", "NotificationsQueue"),
    ("intake", "sqs:SendMessage", "CrmQueue"),
    ("intake", "sqs:GetQueueAttributes", "CrmQueue"),
    ("intake", "scheduler:GetScheduleGroup", "schedule"),
    ("deliver", "sqs:ChangeMessageVisibility", "NotificationsQueue"),
    ("crm", "sqs:ChangeMessageVisibility", "CrmQueue"),
    ("sweep", "sqs:SendMessage", "NotificationsQueue"),
    ("sweep", "sqs:SendMessage", "CrmQueue"),
    ("intake", READ, "IntakeDatabaseUrlSecret"),
    ("intake", READ, "GuardKeySecret"),
    ("track", READ, "TrackDatabaseUrlSecret"),
    ("receipts", READ, "ReceiptsDatabaseUrlSecret"),
    ("receipts", READ, "ResendWebhookSecretsSecret"),
    ("receipts", READ, "MobizonWebhookSecretsSecret"),
    ("receipts", READ, "MobizonApiKeySecret"),
    ("recipient", READ, "RecipientDatabaseUrlSecret"),
    ("deliver", READ, "DeliverDatabaseUrlSecret"),
    ("deliver", READ, "ResendApiKeySecret"),
    ("deliver", READ, "MobizonApiKeySecret"),
    ("crm", READ, "CrmDatabaseUrlSecret"),
    ("crm", READ, "AmocrmAccessTokenSecret"),
    ("sweep", READ, "SweepDatabaseUrlSecret"),
    ("sweep", READ, "ResendApiKeySecret"),
    ("sweep", READ, "MobizonApiKeySecret"),
];

/// Posts a lead, waits until it has its messages, and follows links.
async fn deliver(stack: &Stack, group: &str, area: u32, meanwhile: impl AsyncFn(&str)) {
    let person = Stack::person(group, area, 1);
    let (status, answer) = stack.post(&person).await;
    assert_eq!(status, 200, "{answer}");
    let lead = answer["leadId"].as_str().unwrap();
    meanwhile(lead).await;
    // Less than the time after which a queue shows a message again that could not be held.
    eventually("it is delivered", DELAY + Duration::from_mins(1), async || {
        (stack.count(group, "completed").await == 1).then_some(())
    })
    .await;
    stack.assert_each_delivered_once(group, &[person]).await;
    let link = format!("{}/api/landing/track/{lead}?source=email", stack.gateway());
    assert_eq!(stack.get(&link).await.status(), 302);
    let reported = format!(
        "deliveries d join scheduled_notifications n on n.id = d.notification_id
         where n.lead_id = '{lead}' and d.state = 'delivered'"
    );
    eventually("both are reported", Duration::from_mins(1), async || {
        (stack.db.count(&reported).await == 2).then_some(())
    })
    .await;
    let stop = format!("{}/u/AAAAAAAAAAAAAAAAAAAAAA", stack.gateway());
    assert_eq!(stack.get(&stop).await.status(), 200);
}

/// Function, action and resource of a decision; a principal is
/// `arn:aws:sts::…:assumed-role/<role>/<stack>-IntakeFunction-…`.
fn summary(decision: &Value) -> (String, String, String) {
    let text = |name: &str| decision[name].as_str().unwrap().to_owned();
    let principal = text("principal");
    let function = principal
        .split(['-', '/'])
        .find_map(|part| part.strip_suffix("Function"));
    let resource = text("resource");
    // arn:aws:sqs:region:account:proftest-CrmQueue-1A2B, arn:aws:scheduler:region:account:schedule/group/name
    let name = resource.rsplit(':').next().unwrap();
    let name = name.split(['-', '/']).find(|part| *part != "proftest");
    (
        function.unwrap_or(&principal).to_lowercase(),
        text("action"),
        name.unwrap_or_default().to_owned(),
    )
}

#[test]
fn no_function_lacks_a_permission() {
    run(async {
        let stack = Stack::enforcing_iam().await;
        let sdk = stack.sdk();
        deliver(&stack, "allowed", 770, async |lead| {
            // Woken before its time, deliver holds the message.
            let id = format!("select id from scheduled_notifications where lead_id = '{lead}'");
            let id = stack.db.row(&id).await["id"].as_str().unwrap().to_owned();
            let task = DeliverTask::DeliverV1 {
                notification: NotificationId::parse(&id).unwrap(),
            };
            let queue = Queue::new(&sdk, &stack.deployment().notifications_queue_url);
            queue.send(&task, Duration::ZERO).await.unwrap();
        })
        .await;
        // Without the group no schedule can be made, and intake wakes deliver by a message. A busy vendor makes crm
        // hold its own.
        let scheduler = aws_sdk_scheduler::Client::new(&sdk);
        let group = &stack.deployment().schedule_group;
        scheduler
            .delete_schedule_group()
            .name(group)
            .send()
            .await
            .unwrap();
        let busy = Mode::RateLimit { retry_after: 5 };
        stack.amocrm().faults().add(Fault::times(busy, 1));
        deliver(&stack, "unscheduled", 771, async |_| {}).await;
        stack
            .db
            .execute(
                "update crm_tasks set state = 'pending', wake_at = now() - interval '1 hour';
                 update scheduled_notifications set status = 'pending', open_channels = 1,
                     wake_at = now() - interval '1 hour'",
            )
            .await;
        let expected: BTreeSet<_> = DONE
            .map(|(function, action, resource)| (function.to_owned(), action.to_owned(), resource.to_owned()))
            .into();
        // The sweep runs every minute.
        let seen = eventually("every call is made", Duration::from_secs(100), async || {
            let decisions = stack.iam_decisions();
            let denied = decisions.iter().find(|decision| decision["allowed"] != true);
            assert!(denied.is_none(), "{denied:?}");
            let seen: BTreeSet<_> = decisions.iter().map(summary).collect();
            expected.is_subset(&seen).then_some(seen)
        })
        .await;
        assert_eq!(seen, expected);
    });
}
