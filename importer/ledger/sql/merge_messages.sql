-- $5: the queries are those of the last enrol, so a new hash of a sent row is an edit.
with batch as materialized (
    select k.conversation, k.id, k.msgid, k.sent_at, k.seq, k.hash, k.skip_reason,
        case
            when k.skip_reason is not null then 'skipped_by_query'
            when k.sent_at is null then 'no_sent_at'
            when c.client_id is null then 'no_conversation'
        end as reason
    from amoimport.enrol_key k
    join amoimport.conversation c on c.id = k.conversation
    where k.epoch = $1 and (k.conversation, k.id) > ($2, $3)
    order by k.conversation, k.id
    limit $4
),
merged as (
    insert into amoimport.message as m (conversation, id, msgid, sent_at, seq, row_hash, outcome, reason, detail, settled_at)
    select conversation, id, msgid, sent_at, seq, hash,
        case when reason is null then 'planned' when reason = 'skipped_by_query' then 'skipped' else 'parked' end,
        reason, skip_reason, case when reason is not null then now() end
    from batch
    on conflict (conversation, id) do update
    set sent_at  = case when m.outcome = 'sent' or m.parts_sent > 0 then m.sent_at else excluded.sent_at end,
        seq      = case when m.outcome = 'sent' or m.parts_sent > 0 then m.seq else excluded.seq end,
        row_hash = excluded.row_hash,
        -- What enrol decided, enrol may decide again, and so what was decided about a row
        -- that has changed since: it may be mended. The rest is the lanes' or a person's,
        -- who may have said skip; what was tried may be in its chat,
        -- where its lane looks first.
        (outcome, reason, detail) = (
            select case when open and m.attempts > 0 then 'planned' when open then excluded.outcome else m.outcome end,
                case when open and m.attempts > 0 then null when open then excluded.reason else m.reason end,
                case when open and m.attempts > 0 then null when open then excluded.detail else m.detail end
            from (
                select m.parts_sent = 0 and (m.outcome = 'planned' and m.attempts = 0
                    or m.reason in ('skipped_by_query', 'no_sent_at', 'no_conversation', 'deleted_in_legacy')
                    or m.outcome in ('skipped', 'parked') and m.reason <> 'skipped_by_hand' and m.row_hash <> excluded.row_hash) as open
            ) decided),
        last_fault = case
            when m.parts_sent = 0 and m.outcome = 'parked' and m.row_hash <> excluded.row_hash then m.reason
            else m.last_fault end,
        sent_hash = case when m.outcome = 'sent' and not $5::boolean then excluded.row_hash else m.sent_hash end,
        edited    = case
            when m.outcome <> 'sent' or not $5::boolean then false
            else excluded.row_hash <> m.sent_hash end,
        vanished = false
    where m.row_hash <> excluded.row_hash
        or m.vanished
        or (m.outcome = 'sent' and $5::boolean and m.edited <> (excluded.row_hash <> m.sent_hash))
        or (m.outcome = 'sent' and not $5::boolean and m.sent_hash <> excluded.row_hash)
        or (m.parts_sent = 0 and m.outcome <> 'sent' and (m.sent_at is distinct from excluded.sent_at or m.seq <> excluded.seq))
        or (m.parts_sent = 0 and (m.outcome, m.reason, m.detail) is distinct from (excluded.outcome, excluded.reason, excluded.detail)
            and (m.outcome = 'planned' and m.attempts = 0 or m.reason in ('skipped_by_query', 'no_sent_at', 'no_conversation', 'deleted_in_legacy')))
    returning (xmax = 0) as fresh
)
select (select count(*) from batch), (select count(*) from merged where fresh),
    (select conversation from batch order by conversation desc, id desc limit 1),
    (select id from batch order by conversation desc, id desc limit 1)
