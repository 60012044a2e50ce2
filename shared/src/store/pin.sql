-- Pins what is sent, before anything is.
--
-- $1 notification id   $2 channels   $3 their contents
--
-- The first pin wins: what comes back is what is pinned, whoever did it.
update deliveries d set content = coalesce(d.content, p.content)
from unnest($2, $3) as p (channel, content)
where d.notification_id = $1 and d.channel = p.channel and d.state = 'sending'
returning d.channel, d.content
