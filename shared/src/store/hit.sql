-- Keeps one hit with its verdict, and counts it if it is a person's. What it does stands in V0011__hits.sql.
--
-- $1 hit id   $2 short code or null   $3 lead id or null   $4 channel (with $3)   $5 rule   $6 its verdict
-- $7 whether the rule of time comes before it   $8 version of the rules   $9 method   $10 user agent
-- $11 address   $12 its network   $13 headers
--
-- Returns the lead, with the final verdict; no row for an unknown lead or code.
select lead_id, channel, verdict, rule, source, campaign
from funnel.hit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
