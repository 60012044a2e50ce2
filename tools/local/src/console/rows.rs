//! The statements behind the console's lists and a lead's story.

use proftest::domain::ids::LeadId;
use proftest::failpoint::Step;
use proftest::store::{Param, Store, StoreError, param};
use serde_json::Value;

/// Totals for the head of the console: `{"leads", "pending", "completed", "failed", "clicks", "overdue"}`.
pub async fn totals(store: &Store) -> Result<Value, StoreError> {
    const SQL: &str = "select jsonb_build_object(
        'leads', (select count(*) from landing_leads),
        'clicks', (select count(*) from clicks where verdict is null or verdict = 'human'),
        'pending', count(*) filter (where status = 'pending'),
        'completed', count(*) filter (where status = 'completed'),
        'failed', count(*) filter (where status = 'failed'),
        'overdue', count(*) filter (where status = 'pending' and scheduled_for <= now())
    ) from scheduled_notifications";
    one_json(store, "totals", SQL, &[])
        .await
        .map(Option::unwrap_or_default)
}

/// The newest leads whose name, e-mail, phone or id contains `search` (all when empty).
pub async fn leads(store: &Store, search: &str, limit: u16) -> Result<Value, StoreError> {
    const SQL: &str = "select coalesce(jsonb_agg(row), '[]') from (
        select l.id, l.name, l.email, l.phone, l.source, l.created_at, l.email_sent, l.sms_sent,
               l.email_clicked, l.sms_clicked, l.click_count, n.status
        from landing_leads l
        left join lateral (
            select status from scheduled_notifications
            where lead_id = l.id order by created_at desc limit 1
        ) n on true
        where $1 = '' or position(lower($1) in lower(concat_ws(' ', l.name, l.email, l.phone, l.id))) > 0
        order by l.created_at desc
        limit $2
    ) row";
    let rows = one_json(store, "leads", SQL, &[param(&search), param(&i64::from(limit))]).await?;
    Ok(rows.unwrap_or_default())
}

/// One lead with everything that happened to it, oldest first; `None` for an unknown id.
pub async fn lead_story(store: &Store, lead: LeadId) -> Result<Option<Value>, StoreError> {
    one_json(
        store,
        "lead_story",
        include_str!("lead_story.sql"),
        &[param(&lead)],
    )
    .await
}

async fn one_json(
    store: &Store,
    name: &'static str,
    sql: &str,
    params: &[Param<'_>],
) -> Result<Option<Value>, StoreError> {
    store
        .first(Step::Command(name), sql, params, |row| Ok(row.try_get(0)?))
        .await
}
