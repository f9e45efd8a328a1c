-- The page is cut first: a merge of both tables would begin at their beginning each time.
select c.id, coalesce(c.chat_id, ''), v.read_at, v.messages, v.present, v.missing, v.doubled, v.altered, v.altered_text, v.altered_kind,
    v.altered_author, v.time_off, v.out_of_order, v.unchecked, v."foreign", v.shown, v.legacy, v.read_back, v.as_shown
from (
    select id, chat_id
    from amoimport.conversation
    where (chat_id is not null or last_msgid is not null) and id > $1
    order by id
    limit $2
) c
left join amoimport.chat_verdict v on v.conversation = c.id
order by c.id
