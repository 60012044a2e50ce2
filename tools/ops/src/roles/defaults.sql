-- Statements that take away what these roles would have of the owner's tables, sequences and functions to come.
--
-- $1 names of roles; 'public' stands for PUBLIC
with owner as (
    select c.relowner as oid, r.rolname from pg_class c join pg_roles r on r.oid = c.relowner
    where c.oid = 'public.landing_leads'::regclass
), who as (
    select oid, rolname::text as name from pg_roles where rolname = any ($1)
    union all
    select 0, 'public' where 'public' = any ($1)
), kind as (
    select * from (values ('r', 'tables'), ('S', 'sequences'), ('f', 'functions')) as k (code, name)
), acl as (
    select o.rolname, '' as place, k.name,
           coalesce(d.defaclacl, acldefault(case k.code when 'S' then 's' else k.code end::"char", o.oid)) as acl
    from owner o
    cross join kind k
    left join pg_default_acl d
        on d.defaclrole = o.oid and d.defaclobjtype::text = k.code and d.defaclnamespace = 0
    union all
    select o.rolname, format(' in schema %I', n.nspname), k.name, d.defaclacl
    from owner o
    join pg_default_acl d on d.defaclrole = o.oid
    join kind k on k.code = d.defaclobjtype::text
    join pg_namespace n on n.oid = d.defaclnamespace
    where n.nspname in ('public', 'funnel')
)
select distinct format('alter default privileges for role %I%s revoke all on %s from %I', acl.rolname, acl.place, acl.name, who.name)
from acl
cross join lateral aclexplode(acl.acl) a
join who on who.oid = a.grantee
order by 1
