-- As long as nothing was enrolled, the settings may still change.
insert into amoimport.setup (source_name, account, scope_id, message_template, conversation_template,
    client_template, author_template, manager_template, split_over)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (only_row) do update
set source_name = $1, account = $2, scope_id = $3, message_template = $4, conversation_template = $5,
    client_template = $6, author_template = $7, manager_template = $8, split_over = $9
where not exists (select from amoimport.conversation)
