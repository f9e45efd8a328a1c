update amoimport.chat_verdict set legacy = '', read_back = '', as_shown = ''
