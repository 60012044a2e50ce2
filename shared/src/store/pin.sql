-- Pins content before anything is sent, and makes the links in it work: see funnel.pin (migrations).
--
-- $1 notification id   $2 channels   $3 their contents   $4 token   $5 code of the e-mail's link
select channel, content from funnel.pin($1, $2, $3, $4, $5)
