//! The statements that carry the load use their indexes, by PostgreSQL's own account.

use harness::world::{Database, run};
use serde_json::Value;

/// Twenty thousand leads with all that hangs on them, and fresh statistics.
async fn filled() -> Database {
    let db = Database::fresh().await;
    db.execute(
        "insert into landing_leads (id, name, email, phone, source)
         select gen_random_uuid(), 'x', 'person' || i || '@example.com', '+7701' || lpad(i::text, 7, '0'), 'proftest'
         from generate_series(1, 20000) as i;
         insert into submissions (lead_id, key) select id, 'key' from landing_leads;
         insert into scheduled_notifications
             (id, lead_id, submission_id, scheduled_for, source, open_channels, wake_at, status)
         select gen_random_uuid(), lead_id, id, now() - random() * interval '1 day', 'proftest', 2, now(),
                case when random() < 0.01 then 'pending' else 'completed' end
         from submissions;
         insert into deliveries (notification_id, channel, state, next_attempt_at)
         select id, channel, case status when 'pending' then 'pending' else 'accepted' end, scheduled_for
         from scheduled_notifications, (values ('email'), ('sms')) as c (channel);
         insert into short_links (code, lead_id, notification_id, channel)
         select substr(md5(id::text), 1, 12), lead_id, id, 'sms' from scheduled_notifications;
         insert into crm_tasks (lead_id, wake_at, state)
         select id, now(), case when random() < 0.01 then 'pending' else 'done' end from landing_leads;
         insert into crm_people (phone, contact_id) select phone, 1 from landing_leads;
         analyze",
    )
    .await;
    db
}

async fn plan(db: &Database, sql: &str, types: &str) -> Value {
    // A custom plan would need values; behind a pooler every statement is planned alone, but the index must be
    // there for both kinds.
    db.execute(&format!("deallocate all; prepare s ({types}) as {sql}"))
        .await;
    let nulls = vec!["null"; types.split(',').count()].join(", ");
    db.execute("set plan_cache_mode = force_generic_plan").await;
    db.explain(&format!("execute s ({nulls})")).await
}

/// `index`: its name, or a condition where several indexes do as well.
fn assert_uses(plan: &Value, index: &str) {
    assert!(plan.to_string().contains(index), "{index} is not in {plan:#}");
}

fn assert_no_scan(plan: &Value) {
    let mut scanned = Vec::new();
    collect_scans(plan, &mut scanned);
    // The gate is one row.
    scanned.retain(|table| table != "crm_gate");
    assert!(scanned.is_empty(), "{scanned:?} are read whole: {plan:#}");
}

fn collect_scans(plan: &Value, found: &mut Vec<String>) {
    match plan {
        Value::Array(items) => items.iter().for_each(|item| collect_scans(item, found)),
        Value::Object(node) => {
            if node.get("Node Type").is_some_and(|kind| kind == "Seq Scan") {
                found.push(node["Relation Name"].as_str().unwrap_or_default().to_owned());
            }
            node.values().for_each(|value| collect_scans(value, found));
        }
        _ => {}
    }
}

#[test]
fn every_statement_of_the_hot_path_uses_its_indexes() {
    run(async {
        let db = filled().await;
        for (sql, types, index) in [
            (
                "select * from landing_leads where email = $1",
                "text",
                r#""Index Cond":"(email = $1)""#,
            ),
            (
                "select * from landing_leads where phone = $1",
                "text",
                r#""Index Cond":"(phone = $1)""#,
            ),
            (
                "select id from scheduled_notifications where status = 'pending' and scheduled_for <= now()
                 order by scheduled_for, created_at limit 10 for update skip locked",
                "text",
                "(scheduled_for <= now())",
            ),
            (
                include_str!("../../shared/src/store/overdue.sql"),
                "bigint, float8",
                "(scheduled_for <= now())",
            ),
            (
                include_str!("../../shared/src/store/record.sql"),
                "uuid, text, int, text, text, text, float8, text, float8",
                "deliveries_pkey",
            ),
            (
                include_str!("../../shared/src/store/crm_claim.sql"),
                "uuid, float8",
                "crm_tasks_pkey",
            ),
        ] {
            let plan = plan(&db, sql, types).await;
            assert_uses(&plan, index);
            assert_no_scan(&plan);
        }
    });
}

/// Calls of the functions of the schema `funnel`, whose plans EXPLAIN does not show.
const CALLS: [&str; 4] = [
    "select * from funnel.click(gen_random_uuid(), (select code from short_links limit 1), null, null, null)",
    "select * from funnel.click(gen_random_uuid(), null, (select id from landing_leads limit 1), 'sms', null)",
    "select * from funnel.claim((select id from scheduled_notifications where status = 'pending' limit 1), 60, '{}')",
    "select * from funnel.intake(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'x', 'person7@example.com',
         '+77010000007', 'proftest', '{}', 'key', 'result', '{email,sms}', 'AAAAAAAAAAAA', 600, 90, '{\"is_mobile\": true, \"counted\": []}')",
];

#[test]
fn no_function_of_the_hot_path_reads_a_table_whole() {
    run(async {
        let db = filled().await;
        db.execute("set plan_cache_mode = force_generic_plan").await;
        for call in CALLS {
            let scans = "select coalesce(jsonb_object_agg(relname, seq_scan) filter (where seq_scan > 0), '{}') as of
                from pg_stat_xact_user_tables
                where relname in ('landing_leads', 'scheduled_notifications', 'deliveries', 'short_links', 'crm_tasks')";
            let (head, tail) = call.split_once("(select ").unwrap_or((call, ""));
            let call = match tail.split_once(" limit 1)") {
                Some((subquery, tail)) => {
                    let found = db.row(&format!("select {subquery} limit 1")).await;
                    let value = found.as_object().unwrap().values().next().unwrap();
                    format!("{head}'{}'{tail}", value.as_str().unwrap())
                }
                None => call.to_owned(),
            };
            db.execute("begin").await;
            let before = db.row(scans).await;
            assert!(!db.rows(&call).await.is_empty(), "{call}");
            assert_eq!(db.row(scans).await, before, "{call}");
            db.execute("rollback").await;
        }
    });
}
