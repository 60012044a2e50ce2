-- Pins content before anything is sent.
--
-- $1 notification id   $2 channels   $3 their contents
--
-- The first pin wins. Returns what is pinned, by this statement or an earlier one.
update deliveries d set content = coalesce(d.content, p.content)
from unnest($2, $3) as p (channel, content)
where d.notification_id = $1 and d.channel = p.channel and d.state = 'sending'
returning d.channel, d.content
