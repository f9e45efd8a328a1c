-- Each event is a row under its own id, also those that do not move: they say why.
-- An index that begins with events (dialog_id), or with events (id), serves.
select e.dialog_id as conversation_id,
       e.id,
       e.n as seq, -- times are whole seconds; n counts the events of a dialog
       e.created_at as sent_at,
       case e.author when 'user' then 'in' when 'bot' then 'out' when 'operator' then 'out' end as direction,
       e.operator_id as manager_id,

       -- A type that is not listed stays as it is: its rows are parked as unknown, and
       -- a person decides.
       case e.type when 'photo' then 'picture' when 'document' then 'file' else e.type end as kind,
       coalesce(l.text, e.payload ->> 'text') as text,
       e.payload ->> 'url' as media_url,
       e.payload ->> 'file_name' as file_name,

       -- A number in JSON may be anything in some row; a cast that fails would fail
       -- the whole query.
       case when jsonb_typeof(e.payload -> 'size') = 'number' then (e.payload -> 'size')::bigint end as file_size,
       case when jsonb_typeof(e.payload -> 'duration') = 'number' then (e.payload -> 'duration')::double precision end as media_duration,
       case when jsonb_typeof(e.payload -> 'latitude') = 'number' then (e.payload -> 'latitude')::double precision end as latitude,
       case when jsonb_typeof(e.payload -> 'longitude') = 'number' then (e.payload -> 'longitude')::double precision end as longitude,
       e.payload ->> 'name' as contact_name,
       e.payload ->> 'phone' as contact_phone,
       e.payload ->> 'sticker' as sticker_id,
       e.reply_to as reply_to_id,

       case when o.id is not null then 'an edit; its text is in the message that it changes'
            when e.author = 'system' then 'a system event'
            when e.type = 'button' then 'a button was pressed'
       end as skip_reason
from events e
-- What this event edits. An edit whose message is gone is moved as a message.
left join events o on o.dialog_id = e.dialog_id and o.id = e.edit_of
-- The last edit of this event. The dialog stands in "distinct on" and in the join, so
-- that the condition on it reaches the inner query and its index.
left join (
       select distinct on (dialog_id, edit_of)
              dialog_id,
              edit_of,
              payload ->> 'text' as text
       from events
       where edit_of is not null and payload ->> 'text' is not null
       order by dialog_id, edit_of, n desc
) l on l.dialog_id = e.dialog_id and l.edit_of = e.id
