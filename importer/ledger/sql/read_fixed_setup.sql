-- The setup, once it may not change any more.
select source_name, account, scope_id, message_template, conversation_template,
    client_template, author_template, manager_template, split_over
from amoimport.setup
where exists (select from amoimport.conversation)
