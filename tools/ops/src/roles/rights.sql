-- The rights of roles, one a row, as GRANT spells them: role, what ('select (email)'), thing ('table public.clicks').
--
-- $1 names of roles; 'public' stands for PUBLIC
-- $2 true: what outsiders have of us, the owner's things in the schemas public and funnel; false: everything but the system's
with who as (
    select oid, rolname::text as name from pg_roles where rolname = any ($1)
    union all
    select 0, 'public' where 'public' = any ($1)
), place as (
    select oid, nspname, nspowner, nspacl from pg_namespace
    where case when $2 then nspname in ('public', 'funnel') else nspname !~ '^pg_' and nspname <> 'information_schema' end
), owner as (
    select relowner as oid from pg_class where oid = 'public.landing_leads'::regclass
), rel as (
    select c.oid, c.relowner, c.relacl, c.relkind,
           case c.relkind when 'S' then 'sequence ' else 'table ' end || format('%I.%I', p.nspname, c.relname) as thing
    from pg_class c join place p on p.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
), acl as (
    select relowner as owner, thing, null as part,
           coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)) as acl
    from rel
    union all
    select rel.relowner, rel.thing, format(' (%I)', a.attname), a.attacl
    from rel join pg_attribute a on a.attrelid = rel.oid
    where a.attacl is not null and not a.attisdropped
    union all
    select f.proowner,
           format('routine %I.%I(%s)', p.nspname, f.proname, pg_get_function_identity_arguments(f.oid)), null,
           coalesce(f.proacl, acldefault('f', f.proowner))
    from pg_proc f join place p on p.oid = f.pronamespace
    union all
    select nspowner, format('schema %I', nspname), null, nspacl from place where not $2
    union all
    select datdba, format('database %I', datname), null, datacl from pg_database
    where not $2 and datname = current_database()
)
select distinct who.name as role, lower(a.privilege_type) || coalesce(acl.part, '') as what, acl.thing
from acl
cross join lateral aclexplode(acl.acl) a
join who on who.oid = a.grantee
where not $2 or acl.owner in (select oid from owner)
