-- Counts one click: flags, times, the counter and the raw click, at once. What it does stands in V0006__click.sql.
--
-- $1 click id   $2 short code or null   $3 lead id or null   $4 source (with $3)   $5 user agent
--
-- Returns the lead's id; no row for an unknown lead or code.
select lead_id, source from funnel.click($1, $2, $3, $4, $5)
