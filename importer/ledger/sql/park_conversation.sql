update amoimport.message
set outcome = 'parked', reason = $2, detail = $3, settled_at = now()
where conversation = $1 and outcome = 'planned'
