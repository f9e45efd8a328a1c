insert into amoimport.setup (source_name, account, scope_id, message_template, conversation_template,
    client_template, author_template, manager_template, split_over)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (only_row) do nothing
