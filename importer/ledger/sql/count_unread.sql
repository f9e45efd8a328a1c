-- Chats that were never read back, or not since something more was sent.
select count(*) filter (where v.conversation is null or v.messages <> coalesce(m.parts, 0) or m.settled_at > v.read_at),
    min(v.read_at), max(v.read_at)
from amoimport.conversation c
left join lateral (
    select sum(parts_sent) as parts, max(settled_at) as settled_at
    from amoimport.message m
    where m.conversation = c.id and m.sent_msec is not null and m.parts_sent > 0
) m on true
left join amoimport.chat_verdict v on v.conversation = c.id
where c.chat_id is not null or c.last_msgid is not null
