-- $6: those again whose end was taken from a short page. Else what this pass has not read, or not since
-- something more was sent; $7: or what it found something missing in.
select c.id, coalesce(c.chat_id, ''), coalesce(m.parts, 0)
from amoimport.conversation c
left join lateral (
    select sum(parts_sent) as parts, max(settled_at) as settled_at
    from amoimport.message m
    where m.conversation = c.id and m.sent_msec is not null and m.parts_sent > 0
) m on true
left join lateral (
    select conversation, messages, missing, read_at, short_end
    from amoimport.chat_verdict
    where conversation = c.id and verification = $1
    limit 1
) v on true
where (c.chat_id is not null or c.last_msgid is not null) and c.id > $2
    and ($4::text is null or encode(sha256(convert_to(c.id, 'UTF8')), 'hex') collate "C" <= $4)
    and ($5::text[] is null or c.id = any($5::text[]))
    and case
        when $6::boolean then v.short_end
        else v.conversation is null or v.messages <> coalesce(m.parts, 0) or m.settled_at > v.read_at or $7::boolean and v.missing > 0
    end
order by c.id
limit $3
