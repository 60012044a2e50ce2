//! The statements that carry the load use their indexes, by PostgreSQL's own account.

use harness::world::{Database, run};
use proftest::domain::limits::Limits;
use serde_json::{Value, json};

/// Twenty thousand leads with all that hangs on them, and fresh statistics.
async fn filled() -> Database {
    let db = Database::fresh().await;
    db.execute(
        "insert into landing_leads (id, name, email, phone, source)
         select gen_random_uuid(), 'x', 'person' || i || '@example.com', '+7701' || lpad(i::text, 7, '0'), 'proftest'
         from generate_series(1, 20000) as i;
         insert into submissions (lead_id, key, country, email_key, phone_key)
         select id, 'key', 'KZ', decode(md5(email), 'hex'), decode(md5(phone), 'hex') from landing_leads;
         insert into scheduled_notifications
             (id, lead_id, submission_id, scheduled_for, source, open_channels, wake_at, status)
         select gen_random_uuid(), lead_id, id, now() - random() * interval '1 day', 'proftest', 2, now(),
                case when random() < 0.01 then 'pending' else 'completed' end
         from submissions;
         insert into deliveries (notification_id, channel, state, next_attempt_at, first_attempt_at)
         select id, channel, case status when 'pending' then 'pending' else 'accepted' end, scheduled_for, now()
         from scheduled_notifications, (values ('email'), ('sms')) as c (channel);
         insert into short_links (code, lead_id, notification_id, channel)
         select substr(md5(id::text), 1, 12), lead_id, id, 'sms' from scheduled_notifications;
         insert into disputes (lead_id) select id from landing_leads where random() < 0.5;
         insert into crm_tasks (lead_id, wake_at, state)
         select id, now(), case when random() < 0.01 then 'pending' else 'done' end from landing_leads;
         insert into crm_people (phone, contact_id) select phone, 1 from landing_leads;
         insert into clicks (id, lead_id, source) select gen_random_uuid(), id, 'email' from landing_leads;
         insert into hit_counts (lead_id, channel, human)
         select id, channel, 100 from landing_leads, (values ('email'), ('sms')) as c (channel);
         insert into lead_events (lead_id, what) select id, 'hit' from landing_leads;
         insert into consents (submission_id, lead_id, collected_by) select id, lead_id, 'caller' from submissions;
         insert into holds (notification_id, channel, reason, until, ended_at)
         select notification_id, channel, 'country', now(), case when random() < 0.01 then null else now() end
         from deliveries where channel = 'sms' and state = 'accepted';
         insert into suppressions (key, reason, source)
         select decode(md5('suppressed' || email), 'hex'), 'complaint', 'test' from landing_leads;
         insert into contact_budgets (key, sent) select email_key, '{}' from submissions;
         insert into intake_counts (key, second, second_n, hour, hour_n, day, day_n)
         select decode(md5('network' || email), 'hex'), 0, 1, 0, 1, 0, 1 from landing_leads;
         insert into recipient_tokens (token, notification_id, lead_id)
         select id::text, id, lead_id from scheduled_notifications where status = 'completed';
         insert into vendor_messages (channel, provider_id, notification_id)
         select channel, notification_id::text, notification_id from deliveries where state = 'accepted';
         insert into receipts (vendor, event) select 'resend', channel || provider_id from vendor_messages;
         insert into soft_failures (key) select decode(md5('soft' || email), 'hex') from landing_leads;
         insert into lead_events (lead_id, what) select id, 'claim' from landing_leads;
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
                include_str!("../../shared/src/store/holds_over.sql"),
                "bigint",
                "holds_open",
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

/// Tables that are read whole on purpose: the gate is one row, and budgets are 32 rows a name, so a page or two.
const SMALL: &str = "'crm_gate', 'budgets'";

/// Calls of the functions of the schema `funnel`, whose plans EXPLAIN does not show, each with the number of rows that
/// it returns when every statement in it was reached.
async fn calls(db: &Database) -> Vec<(String, usize)> {
    let ids = db
        .row(
            "select l.id as lead, s.id as submission, n.id as notification, c.code,
                    (select t.token from recipient_tokens t limit 1) as token
             from scheduled_notifications n
             join landing_leads l on l.id = n.lead_id
             join submissions s on s.id = n.submission_id
             join short_links c on c.notification_id = n.id
             where n.status = 'pending'
             limit 1",
        )
        .await;
    let id = |what: &str| ids[what].as_str().unwrap().to_owned();
    let counted = json!({"key": "0123456789abcdef", "what": "address", "soft": 1, "hour": 9, "day": 9});
    let evidence = json!({
        "country": "KZ", "is_mobile": true, "email_key": "00", "phone_key": "01", "counted": [counted],
        "addresses_count": true, "may_challenge": true, "is_suspicious": false, "pair_soft": 3,
    });
    let intake = |email: &str, phone: &str, key: &str| {
        let new = ["gen_random_uuid()"; 3].join(", ");
        format!(
            "select * from funnel.intake({new}, 'x', '{email}', '{phone}', 'proftest', '{{\"lastTouch\": {{}}}}', '{key}',
                 'result', '{{email,sms}}', 'AAAAAAAAAAAA', 600, 90, '{evidence}')"
        )
    };
    // A person's, behind the hundredth.
    let hit = |link: &str| {
        format!(
            "select * from funnel.hit(gen_random_uuid(), {link}, 'browser_navigation', 'human', true, 1::smallint, 'GET',
                 'Mozilla/5.0', '203.0.113.24', '203.0.113.0/24', '{{}}')"
        )
    };
    let (lead, submission, notification, code) =
        (id("lead"), id("submission"), id("notification"), id("code"));
    let mut calls = vec![
        (hit(&format!("'{code}', null, null")), 1),
        (hit(&format!("null, '{lead}', 'sms'")), 1),
        (intake("new@example.com", "+77029999999", "new"), 1),
        // A later submission of a person, and one of a key that is known.
        (intake("person7@example.com", "+77010000007", "later"), 1),
        (intake("person7@example.com", "+77010000007", "key"), 1),
        (format!("select * from funnel.result_of('{code}')"), 1),
        (
            format!("select * from funnel.stop('{}', 'not_me')", id("token")),
            1,
        ),
        (format!("select from (select funnel.prove('{submission}')) p"), 0),
    ];
    calls.extend(of_a_message(&notification));
    calls
}

/// Claim, pin, outcomes and reports.
fn of_a_message(notification: &str) -> Vec<(String, usize)> {
    let claim = |limits: &Value| format!("select * from funnel.claim('{notification}', 60, '{limits}')");
    let receipts = [("1", "bounced"), ("2", "complained")].map(|(event, state)| {
        json!({"vendor": "resend", "event": event, "channel": "email", "id": "m", "state": state, "keep": true})
    });
    let receipts = format!(", funnel.take_receipts('{}')", Value::from(receipts.to_vec()));
    let failed = "funnel.record('sms', 1, 'failed', null, 'x', null, 'keep', 90, true)";
    let accepted = "funnel.record('email', 1, 'accepted', 'm', null, null, 'clear', 90, false)";
    let pinned = "funnel.pin('{email,sms}', array['{}', '{}']::jsonb[], 'token', 'code')";
    vec![
        (claim(&Limits::default().to_json()), 2),
        (claim(&json!({})), 2),
        (after_claim(notification, failed, ""), 1),
        (after_claim(notification, accepted, &receipts), 2),
        (after_claim(notification, pinned, ""), 2),
    ]
}

/// Claims, then makes this call about the notification, then does `more`, in one statement.
fn after_claim(notification: &str, call: &str, more: &str) -> String {
    let call = call.replacen('(', &format!("('{notification}', "), 1);
    format!(
        "with claimed as materialized (select * from funnel.claim('{notification}', 60, '{{}}')),
              called as materialized (select c.* from (select count(*) from claimed) after, {call} c)
         select * from called {more}"
    )
}

/// The tables that a call has read whole.
async fn scanned(db: &Database, call: &str, rows: usize) -> Vec<String> {
    let scans = format!(
        "select relname, seq_scan from pg_stat_xact_user_tables
         where schemaname = 'public' and seq_scan > 0 and relname not in ({SMALL})"
    );
    db.execute("begin").await;
    let before = db.rows(&scans).await;
    assert_eq!(db.rows(call).await.len(), rows, "{call}");
    let mut after = db.rows(&scans).await;
    db.execute("rollback").await;
    // What this connection did before may not have been written to the statistics yet.
    after.retain(|table| !before.contains(table));
    let names = after.iter().map(|table| table["relname"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

#[test]
fn no_function_of_the_hot_path_reads_a_table_whole() {
    run(async {
        let db = filled().await;
        for mode in ["force_generic_plan", "force_custom_plan"] {
            db.execute(&format!("set plan_cache_mode = {mode}")).await;
            for (call, rows) in calls(&db).await {
                let scanned = scanned(&db, &call, rows).await;
                assert!(scanned.is_empty(), "{mode}: {scanned:?} by {call}");
            }
        }
    });
}

/// What the test above would miss, if it missed something.
#[test]
fn a_missing_index_is_seen_inside_a_function() {
    run(async {
        let db = filled().await;
        for (drop, table) in [
            ("alter table holds drop constraint holds_pkey", "holds"),
            ("drop index soft_failures_key", "soft_failures"),
            (
                "drop index idx_landing_leads_phone, idx_landing_leads_sms_tracking",
                "landing_leads",
            ),
            ("drop index submissions_key", "submissions"),
        ] {
            db.execute(drop).await;
            let mut seen = 0;
            for (call, rows) in calls(&db).await {
                seen += usize::from(scanned(&db, &call, rows).await.contains(&table.to_owned()));
            }
            assert!(seen > 0, "{drop}");
        }
    });
}
