-- Takes a slot of the governor. $1 slots in use   $2 seconds after which an unreturned slot is free
--
-- Times are subtracted as seconds, because PostgreSQL before version 17 cannot subtract infinite ones.
-- Without a free slot it returns the time until one may be free; while the gate is shut, no slot and for how long.
with gate as (
    select shut_until, reason from crm_gate where shut_until > clock_timestamp()
), free as (
    select slot from crm_slots
    where slot <= $1 and free_at <= clock_timestamp() and not exists (select from gate)
    order by free_at
    limit 1
    for update skip locked
), taken as (
    update crm_slots s set free_at = clock_timestamp() + $2 * interval '1 second'
    from free
    where s.slot = free.slot
    returning s.slot
)
select (select slot from taken) as slot,
       (select (extract(epoch from shut_until) - extract(epoch from clock_timestamp()))::float8 from gate) as shut_for_seconds,
       (select reason from gate) as shut_reason,
       (select (extract(epoch from min(free_at)) - extract(epoch from clock_timestamp()))::float8
        from crm_slots where slot <= $1) as free_in_seconds
