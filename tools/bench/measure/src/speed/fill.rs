//! Leads by the million, as years of the funnel leave them behind.

use crate::Error;
use futures::future::try_join_all;
use tokio_postgres::Client;

/// Rows a statement: what is in memory at once stays small.
const STEP: u32 = 50_000;

/// Fills a fresh database over these connections; of the notifications one in `overdue_of` is overdue, the others are over.
pub async fn fill(clients: &[Client], leads: u32, overdue_of: u32) -> Result<(), Error> {
    let workers = u32::try_from(clients.len()).unwrap_or(u32::MAX).max(1);
    let shares = clients.iter().zip(0..).map(|(client, worker)| async move {
        // The rows refer to each other as they should by construction; as a replica the server does not look row by row.
        client
            .batch_execute("set synchronous_commit = off; set session_replication_role = replica")
            .await?;
        let mut from = 1 + worker * STEP;
        while from <= leads {
            let to = leads.min(from + STEP - 1);
            client.batch_execute(&statements(from, to, overdue_of)).await?;
            from += workers * STEP;
        }
        Ok::<_, Error>(())
    });
    try_join_all(shares).await?;
    for statement in ["vacuum (analyze)", "checkpoint"] {
        clients[0].batch_execute(statement).await?;
    }
    Ok(())
}

fn statements(from: u32, to: u32, overdue_of: u32) -> String {
    // In the order of time, as version 7 is.
    let id = |kind: u32| format!("('0190000{kind}-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid");
    // A lead's id tells no time.
    let (lead, notification) = ("md5('lead' || n)::uuid", id(1));
    let overdue = format!("n % {overdue_of} = 0");
    let at = "timestamptz '2024-01-01' + n * interval '30 seconds'";
    let rows = format!("from generate_series({from}, {to}) as n");
    format!(
        "insert into landing_leads (id, name, email, phone, source, amocrm_lead_id, email_sent, sms_sent, metadata, created_at)
         select {lead}, 'Айгуль Нурланова', 'person' || n || '@example.com', '+7' || (7000000000 + n), 'proftest_arystan',
                n, not {overdue}, not {overdue},
                jsonb_build_object('answers', '[0,1,2,3,0,1,2,3,0,1,2,3]'::jsonb, 'utmParams',
                    jsonb_build_object('utm_source', 'instagram', 'utm_campaign', 'proftest', 'utm_content', 'arystan_' || n % 50)),
                {at} {rows};
         insert into scheduled_notifications
             (id, lead_id, status, scheduled_for, email_sent, sms_sent, source, created_at, open_channels, wake_at)
         select {notification}, {lead}, case when {overdue} then 'pending' else 'completed' end, {at}, not {overdue},
                not {overdue}, 'proftest_arystan', {at}, case when {overdue} then 2 else 0 end, {at} {rows};
         insert into deliveries (notification_id, channel, state, attempt, next_attempt_at, provider_id)
         select {notification}, channel, case when {overdue} then 'pending' else 'accepted' end, 1, {at}, 'id-' || n
         {rows}, (values ('email'), ('sms')) as c (channel);
         insert into short_links (code, lead_id, notification_id, channel)
         select substr(md5(n::text), 1, 12), {lead}, {notification}, 'sms' {rows} on conflict do nothing;
         insert into crm_tasks (lead_id, state, wake_at, deal_due, pending_notes)
         select {lead}, 'done', {at}, false, '{{}}' {rows};"
    )
}
