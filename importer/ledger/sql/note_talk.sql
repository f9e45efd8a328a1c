insert into amoimport.talk (talk_id, conversation, state, reason, asked_at, closed_at)
values ($1, $2, $3, $4, case when $3 = 'asked' then now() end, case when $3 = 'closed' then now() end)
on conflict (talk_id) do update
set conversation = excluded.conversation, state = excluded.state, reason = excluded.reason,
    asked_at = coalesce(excluded.asked_at, talk.asked_at), closed_at = excluded.closed_at, updated_at = now()
