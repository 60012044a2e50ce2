-- What the message with a short link told its person: V0013__recipient.sql. It changes nothing.
--
-- $1 short code
select result, campaign, token from funnel.result_of($1)
