select source_name, account, scope_id, message_template, conversation_template,
    client_template, author_template, manager_template, split_over
from amoimport.setup
