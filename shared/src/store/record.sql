-- Writes one attempt's outcome, if the claim is still held: see funnel.record (migrations).
--
-- $1 notification id   $4 state         $7 seconds until the next attempt, or null at the end
-- $2 channel           $5 provider id   $8 doubt: 'keep', 'start' or 'clear'
-- $3 attempt           $6 reason        $9 grace, in seconds, after which the sweep wakes the row
-- $10 whether the address or number itself was refused
select status from funnel.record($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
