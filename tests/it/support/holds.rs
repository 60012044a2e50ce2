//! What the team and the sweep do with what is held.

use harness::world::Database;

/// Lets what is held and fits this condition on `holds` go on, whatever budgets of its own it has passed.
pub async fn release(db: &Database, condition: &str) {
    db.execute(&format!(
        "with released as (
             update holds set waived = true, ended_at = now()
             where ended_at is null and {condition}
             returning notification_id, channel
         ), pending as (
             update deliveries d set state = 'pending', reason = null, next_attempt_at = now(), updated_at = now()
             from released r
             where d.notification_id = r.notification_id and d.channel = r.channel and d.state = 'held'
             returning d.notification_id
         )
         update scheduled_notifications n set held_channels = n.held_channels - p.channels, wake_at = now()
         from (select notification_id, count(*) as channels from pending group by 1) p
         where n.id = p.notification_id"
    ))
    .await;
}
