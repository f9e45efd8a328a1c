-- The first $2 of each fault, in the order of conversations.
select fault, conversation, message, part, msgid
from (
    select f.fault, f.conversation, f.message, f.part, m.msgid, m.sent_at, m.seq,
        row_number() over (partition by f.fault order by f.conversation, m.sent_at, m.seq, length(f.message), f.message, f.part) as place
    from amoimport.message_fault f
    join amoimport.message m on m.conversation = f.conversation and m.id = f.message
    join amoimport.chat_verdict v on v.conversation = f.conversation
    where $1::bigint is null or v.verification = $1
) ranked
where place <= $2
order by fault, place
