-- Chats are drawn by the hash of their ids: the same ones each time.
select coalesce(max(hash), '')
from (
    select encode(sha256(convert_to(id, 'UTF8')), 'hex') collate "C" as hash
    from amoimport.conversation
    where chat_id is not null or last_msgid is not null
    order by 1
    limit ceil($1::float8 + $2::float8 * (
        select count(*) from amoimport.conversation where chat_id is not null or last_msgid is not null))
) drawn
