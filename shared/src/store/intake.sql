-- Saves one submission: see funnel.intake (migrations).
--
-- $1 lead id           $6 phone             $11 channels
-- $2 submission id     $7 source            $12 short code
-- $3 notification id   $8 metadata          $13 delay, in seconds
-- $4 name              $9 key, or null      $14 grace, in seconds, after which the sweep wakes the row
-- $5 email             $10 kind             $15 evidence
--
-- Sent twice with the same ids, it finds all its rows and changes nothing but counters.
select * from funnel.intake($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
