-- Stops our messages to a person. What it does stands in V0013__recipient.sql.
--
-- $1 token   $2 domain::recipient::Stop
--
-- Returns the lead's id; no row for an unknown token. Sent twice, it changes nothing.
select lead_id from funnel.stop($1, $2)
