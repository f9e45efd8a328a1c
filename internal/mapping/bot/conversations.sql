select d.id,
       d.user_id as client_id,
       u.profile ->> 'name' as client_name,
       u.profile ->> 'phone' as client_phone, -- ->> gives text, also of a number
       u.profile ->> 'email' as client_email,
       d.finished_at is not null as closed
from dialogs d
left join bot_users u on u.id = d.user_id
