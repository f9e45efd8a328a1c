-- A page holds $5 messages. Of chats with fewer one page tells all; the others have an empty one at their end.
select count(*), count(*) filter (where unread),
    count(*) filter (where unread and parts < $5),
    coalesce(sum(ceil(parts / $5::numeric) + 1) filter (where unread and parts >= $5), 0)::bigint
from (
    select coalesce(m.parts, 0) as parts,
        v.conversation is null or v.messages <> coalesce(m.parts, 0) or m.settled_at > v.read_at or $4::boolean and v.missing > 0 as unread
    from amoimport.conversation c
    left join lateral (
        select sum(parts_sent) as parts, max(settled_at) as settled_at
        from amoimport.message m
        where m.conversation = c.id and m.sent_msec is not null and m.parts_sent > 0
    ) m on true
    left join amoimport.chat_verdict v on v.conversation = c.id and v.verification = $1
    where (c.chat_id is not null or c.last_msgid is not null)
        and ($2::text is null or encode(sha256(convert_to(c.id, 'UTF8')), 'hex') collate "C" <= $2)
        and ($3::text[] is null or c.id = any($3::text[]))
) chats
