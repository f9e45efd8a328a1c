-- A message is a row under its own id (41), together with its first attachment.
-- Each further attachment is a row of its own, under an id that stays (41-a7).
-- An index on messages (conversation_id) and one on attachments (message_id) serve.
select m.conversation_id,
       case when a.further then m.id || '-a' || a.id else m.id::text end as id,
       m.id as seq, -- ids rise with time; at equal times the lower one was first
       m.created_at as sent_at, -- no zone: source.timezone says UTC

       -- 0 incoming, 1 outgoing, 2 system line, 3 sent by a template. Any other
       -- number has no direction: it is parked, and a person looks at it.
       case m.message_type when 0 then 'in' when 1 then 'out' when 3 then 'out' end as direction,

       -- sender_id means another table for each sender_type. An AgentBot is neither
       -- a manager nor a client: the channel's bot speaks for it.
       case when m.sender_type = 'User' then m.sender_id end as manager_id,
       case when m.sender_type = 'Contact' then m.sender_id end as author_id,
       p.name as author_name,

       case when a.id is null then 'text'
            else case a.file_type when 0 then 'picture' when 1 then 'audio' when 2 then 'video'
                                  when 4 then 'location' when 5 then 'contact' else 'file' end
       end as kind,
       case when a.further is not true then m.content end as text,
       case when a.file_type not in (4, 5) then a.url end as media_url,
       a.file_name,
       a.byte_size as file_size,
       case when a.file_type = 4 then a.latitude end as latitude,
       case when a.file_type = 4 then a.longitude end as longitude,
       case when a.file_type = 5 then a.title end as contact_name,
       case when a.file_type = 5 then a.phone_number end as contact_phone,
       j.attributes ->> 'in_reply_to' as reply_to_id,

       case when m.message_type = 2 then 'a system line'
            when m.private then 'a private note'
            when m.message_type = 1 and m.status = 3 then 'it was never delivered' -- 0 sent, 1 delivered, 2 read, 3 failed
            when j.attributes ->> 'deleted' = 'true' then 'deleted by its author'
       end as skip_reason
from messages m
left join contacts p on m.sender_type = 'Contact' and p.id = m.sender_id
left join (
       select f.*,
              exists (select from attachments e where e.message_id = f.message_id and e.id < f.id) as further
       from attachments f
) a on a.message_id = m.id
-- The column is of type json, and holds an object in some rows and a string with
-- the object's text in others. #>> '{}' gives the text in both cases. What does not
-- look like an object is not cast: one bad value would fail the whole query.
cross join lateral (
       select case when m.content_attributes #>> '{}' ~ '^\s*\{.*\}\s*$'
                   then (m.content_attributes #>> '{}')::jsonb end as attributes
) j
