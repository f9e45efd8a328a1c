select c.id, coalesce(c.chat_id, ''), v.read_at, v.messages, v.present, v.missing, v.doubled, v.altered, v.altered_text, v.altered_kind,
    v.altered_author, v.time_off, v.out_of_order, v.unchecked, v."foreign", v.shown, v.legacy, v.read_back, v.as_shown
from amoimport.conversation c
left join amoimport.chat_verdict v on v.conversation = c.id
where (v.conversation is not null or $3::bigint is null and (c.chat_id is not null or c.last_msgid is not null))
    and c.id > $1 and ($3::bigint is null or v.verification = $3)
order by c.id
limit $2
