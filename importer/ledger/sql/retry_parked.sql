-- What a person skipped by hand is taken back only where it is named. A row without a
-- time, or of a conversation that the queries do not return, stays as it is: enrol
-- decides about it in every run.
with chosen as materialized (
    select m.conversation, m.id, m.sent_at is null or c.client_id is null as stays
    from amoimport.message m
    join amoimport.conversation c on c.id = m.conversation
    where (m.outcome = 'parked' or m.outcome = 'skipped' and m.reason = 'skipped_by_hand' and ($1::text is not null or $3::text is not null))
        and ($1::text is null or m.reason = $1) and ($2::text is null or m.conversation = $2) and ($3::text is null or m.id = $3)
    order by m.conversation, m.id
    for update of m
),
retried as (
    update amoimport.message m
    set outcome = 'planned', last_fault = case when m.outcome = 'parked' then m.reason else m.last_fault end,
        reason = null, detail = null, settled_at = null
    from chosen k
    where m.conversation = k.conversation and m.id = k.id and not k.stays
    returning m.id
)
select (select count(*) from retried), (select count(*) from chosen where stays)
