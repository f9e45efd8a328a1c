select count(*), coalesce(sum(messages), 0)::bigint, coalesce(sum(present), 0)::bigint, coalesce(sum(missing), 0)::bigint,
    coalesce(sum(doubled), 0)::bigint, coalesce(sum(altered), 0)::bigint, coalesce(sum(altered_text), 0)::bigint,
    coalesce(sum(altered_kind), 0)::bigint, coalesce(sum(altered_author), 0)::bigint, coalesce(sum(time_off), 0)::bigint,
    coalesce(sum(out_of_order), 0)::bigint, coalesce(sum(unchecked), 0)::bigint, coalesce(sum("foreign"), 0)::bigint,
    coalesce(sum(shown), 0)::bigint
from amoimport.chat_verdict
where $1::bigint is null or verification = $1
