//! What each database role may do: exactly what stands in roles.txt, as PostgreSQL itself answers; and nothing for strangers.

mod needed;

use harness::postgres::connect;
use harness::roles::{password, prepare};
use harness::world::{Database, dir, run};
use ops::migrate::migrate;
use ops::roles::{MEMBERS, OUTSIDERS};
use std::collections::BTreeSet;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// A line for each role and thing. A privilege on a whole table is told without columns.
const CATALOGUE: &str = "
with who as (
    select rolname::text as role from pg_roles where rolname in ({roles})
), tables as (
    select c.oid, format('%I.%I', n.nspname, c.relname) as thing
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'funnel') and c.relkind in ('r', 'p', 'v', 'm', 'f')
), parts as (
    select role, thing, verb,
           case when not has_table_privilege(role, t.oid, verb) then (
               select string_agg(a.attname, ' ' order by a.attnum) from pg_attribute a
               where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                 and verb in ('select', 'insert', 'update', 'references')
                 and has_column_privilege(role, t.oid, a.attnum, verb)) end as columns,
           has_table_privilege(role, t.oid, verb) as whole
    from who, tables t,
         unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as verb
), lines as (
    select role || ' ' || thing || ': ' || string_agg(verb || coalesce(' (' || columns || ')', ''), ', ' order by verb) as line
    from parts where whole or columns is not null group by role, thing
    union all
    select role || ' ' || format('%I.%I', n.nspname, p.proname) || ': execute'
    from who, pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'funnel') and has_function_privilege(role, p.oid, 'execute')
    union all
    select role || ' ' || format('%I.%I', n.nspname, c.relname) || ': sequence'
    from who, pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'funnel') and c.relkind = 'S'
      and has_sequence_privilege(role, c.oid, 'usage, select, update')
    union all
    select role || ' schema ' || nspname || ': ' || verb
    from who, pg_namespace, unnest(array['usage', 'create']) as verb
    where nspname in ('public', 'funnel') and has_schema_privilege(role, oid, verb)
    union all
    select role || ' is a member of ' || g.rolname from who, pg_roles g
    where g.rolname <> role and pg_has_role(role, g.oid, 'member')
    union all
    select format('policy %s on %I.%I: %s %s to %s using (%s) with check (%s)', policyname, schemaname, tablename,
                  lower(permissive), lower(cmd), array_to_string(roles, ', '), qual, with_check)
    from pg_policies where schemaname in ('public', 'funnel')
)
select line from lines order by line collate \"C\"";

/// Supabase's own roles, as its projects have them. They belong to the server that all tests share.
async fn make_outsiders(db: &Database) {
    for role in OUTSIDERS {
        let attribute = if role == "service_role" { "bypassrls" } else { "" };
        db.execute(&format!(
            "do $$ begin create role {role} nologin {attribute};
             exception when duplicate_object or unique_violation then null; end $$"
        ))
        .await;
    }
}

async fn catalogue(db: &Database) -> Vec<String> {
    let members = MEMBERS.iter().map(|member| member.roles()[0].clone());
    let roles = members.chain(OUTSIDERS.map(str::to_owned));
    let roles: Vec<String> = roles.map(|role| format!("'{role}'")).collect();
    let rows = db.rows(&CATALOGUE.replace("{roles}", &roles.join(", "))).await;
    let lines = rows.iter().map(|row| row["line"].as_str().unwrap().to_owned());
    lines.collect()
}

async fn refused(client: &Client, sql: &str) {
    let done = client.batch_execute(sql).await;
    let state = done.as_ref().err().and_then(tokio_postgres::Error::code);
    assert_eq!(state, Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {done:?}");
}

async fn tables(db: &Database) -> Vec<String> {
    let sql = "select tablename from pg_tables where schemaname in ('public', 'funnel')";
    let rows = db.rows(sql).await;
    assert!(rows.len() > 12, "{rows:?}");
    let names = rows
        .iter()
        .map(|row| row["tablename"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn every_role_may_do_what_stands_in_the_list_and_nothing_else() {
    run(async {
        let db = Database::fresh().await;
        make_outsiders(&db).await;
        let found = catalogue(&db).await.join("\n") + "\n";
        if found != include_str!("roles.txt") {
            let file = dir().join("roles.txt");
            std::fs::write(&file, &found).unwrap();
            panic!(
                "the roles' rights are not those of tests/it/roles.txt; the difference is wanted? Then copy {} there",
                file.display()
            );
        }
    });
}

/// A right without a policy is worth nothing, and a policy without a right is a trap for later.
#[test]
fn a_role_has_a_policy_on_each_table_that_it_has_a_right_on_and_on_no_other() {
    let (mut rights, mut policies) = (BTreeSet::new(), BTreeSet::new());
    for line in include_str!("roles.txt").lines() {
        if let Some(policy) = line.strip_prefix("policy ") {
            let (role, rest) = policy.split_once(" on ").unwrap();
            let (table, what) = rest.split_once(": ").unwrap();
            let all = format!("permissive all to {role} using (true) with check (true)");
            assert_eq!(what, all, "{line}");
            policies.insert((role, table));
        } else if let Some((role, rest)) = line.split_once(" public.")
            && !rest.ends_with(": execute")
        {
            let at = line.len() - rest.len() - "public.".len();
            rights.insert((role, line[at..].split(':').next().unwrap()));
        }
    }
    assert!(rights.len() > 15, "{rights:?}");
    assert_eq!(rights, policies);
}

#[test]
fn as_a_public_function_no_table_can_be_read_and_nothing_but_its_own_functions_be_called() {
    run(async {
        let db = Database::fresh().await;
        for (function, own) in [
            ("track", vec!["click", "hit"]),
            ("recipient", vec!["result_of", "stop"]),
            ("intake", vec!["intake", "prove"]),
        ] {
            let client = connect(&db.direct(function).url()).await.unwrap();
            for table in tables(&db).await {
                for sql in [
                    format!("select from {table} limit 1"),
                    format!("delete from {table}"),
                    format!("truncate {table}"),
                ] {
                    refused(&client, &sql).await;
                }
            }
            for sql in [
                "create table public.x ()",
                "create table funnel.x ()",
                "create function funnel.x() returns int language sql as 'select 1'",
                "set role postgres",
                "create role x",
            ] {
                refused(&client, sql).await;
            }
            let callable = format!(
                "select array_agg(distinct proname order by proname) as names from pg_proc
                 where pronamespace = 'funnel'::regnamespace
                   and has_function_privilege('proftest_{function}', oid, 'execute')"
            );
            assert_eq!(db.row(&callable).await["names"], serde_json::json!(own));
        }
        // The owner's rights, which the function runs with, end at its text: no name in it is looked up elsewhere.
        let unsafe_functions = "pg_proc where pronamespace = 'funnel'::regnamespace and prosecdef
            and not coalesce(proconfig, '{}') @> array['search_path=\"\"']";
        assert_eq!(db.count(unsafe_functions).await, 0);
    });
}

/// As Supabase makes a project: its roles get everything in the schema public, now and later.
#[test]
fn as_a_stranger_at_supabases_api_nothing_can_be_read_or_called_now_or_later() {
    run(async {
        let db = Database::unmigrated().await;
        make_outsiders(&db).await;
        let outsiders = OUTSIDERS.join(", ");
        db.execute(&format!(
            "grant usage on schema public to {outsiders};
             alter default privileges in schema public grant all on tables to {outsiders};
             alter default privileges in schema public grant all on sequences to {outsiders};
             alter default privileges in schema public grant all on functions to {outsiders};
             alter default privileges grant all on tables to anon"
        ))
        .await;
        let mut owner = connect(&db.url).await.unwrap();
        migrate(&mut owner).await.unwrap();
        let open = catalogue(&db).await;
        let has = |lines: &[String], start: &str| lines.iter().any(|line| line.starts_with(start));
        assert!(
            has(&open, "anon public.landing_leads:") && has(&open, "service_role public.crm_tokens:"),
            "{open:#?}"
        );
        prepare(&mut owner, password(&db.url).unwrap()).await.unwrap();
        let later = "create table later (id int generated by default as identity, x text);
             create sequence later_too;
             create function later_still() returns int language sql as 'select 1';
             create function funnel.later() returns int language sql as 'select 1'";
        db.execute(later).await;
        let closed = catalogue(&db).await;
        for line in &closed {
            let (who, what) = line.split_once(' ').unwrap();
            let is_outsider = OUTSIDERS.contains(&who);
            assert!(!is_outsider || what == "schema public: usage", "{line}");
            assert!(!line.contains("later"), "{line}");
        }
        let names = tables(&db).await;
        for role in OUTSIDERS {
            owner.batch_execute(&format!("set role {role}")).await.unwrap();
            for table in &names {
                refused(&owner, &format!("select from public.{table} limit 1")).await;
            }
            let id = "'00000000-0000-0000-0000-000000000000'";
            for sql in [
                format!("select funnel.click({id}, null, {id}, 'email', null)"),
                format!(
                    "select funnel.hit({id}, null, {id}, 'email', null, null, null, null, null, null, null, null, null)"
                ),
                "select funnel.rejudge(null, null, null, null, null, null, true)".to_owned(),
                format!("select funnel.prove({id})"),
                "select funnel.stop('x', 'all')".to_owned(),
                "select funnel.result_of('x')".to_owned(),
                "select public.later_still()".to_owned(),
                "select nextval('later_too')".to_owned(),
            ] {
                refused(&owner, &sql).await;
            }
            owner.batch_execute("reset role").await.unwrap();
        }
    });
}
