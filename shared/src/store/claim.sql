-- Claims what may be sent now of one notification, under a lease, and holds what may not: see funnel.claim (migrations).
--
-- $1 notification id   $2 lease, in seconds   $3 limits
select * from funnel.claim($1, $2, $3)
