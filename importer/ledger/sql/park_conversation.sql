-- $4: it may be done already. What a person has planned again since stays planned.
update amoimport.message
set outcome = 'parked', reason = $2, detail = $3, settled_at = now()
where conversation = $1 and outcome = 'planned' and not ($4::boolean and coalesce(last_fault = $2, false))
