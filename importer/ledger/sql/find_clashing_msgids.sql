(select count(*) || ' messages would all be ' || msgid || ', e.g. ' || min(conversation || '/' || id) || ' and ' || max(conversation || '/' || id)
 from amoimport.enrol_key
 where epoch = $1
 group by msgid
 having count(*) > 1
 order by msgid
 limit 5)
union all
(select 'message ' || k.conversation || '/' || k.id || ' would be ' || k.msgid || ', which is ' || m.conversation || '/' || m.id
 from amoimport.enrol_key k
 join amoimport.message m on m.msgid = k.msgid
 where k.epoch = $1 and (m.conversation, m.id) <> (k.conversation, k.id)
 limit 5)
