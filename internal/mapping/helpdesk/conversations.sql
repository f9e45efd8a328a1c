-- A conversation and its client. A left join: a conversation without a client, or
-- whose client is gone, is moved too.
select c.id,
       c.contact_id as client_id,
       p.name as client_name,
       p.phone_number as client_phone,
       p.email as client_email,
       p.avatar_url as client_avatar_url,
       c.status = 1 as closed -- 0 open, 1 resolved, 2 pending
from conversations c
left join contacts p on p.id = c.contact_id
