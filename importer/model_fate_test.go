package importer_test

import (
	"context"

	"github.com/amoimport/amoimport/importer/outcome"
)

// modelFate is what the ledger says of a message.
type modelFate struct {
	outcome         outcome.Outcome
	reason          outcome.Code
	before          outcome.Code // what parked it the time before
	attempts, parts int
	partsSent       int
	msgid           string
	msec            int64
	words           string       // the hash of its texts as they were sent, or edited last
	marked          int          // parts
	unmarkable      int          // of those
	unseen          bool         // its row is not as it was sent, and no pass has seen that
	edit            outcome.Code // what became of its last edit; "": nothing was decided yet
}

// fates reads them all, by conversation/id.
func (c *modelCase) fates() (map[string]modelFate, error) {
	ctx := context.Background()
	var doubts int
	if err := c.legacy.conn.QueryRow(ctx, `select (select count(*) from amoimport.conversation where intent_msgid is not null)
		+ (select count(*) from amoimport.contact_batch where not settled)`).Scan(&doubts); err != nil {
		return nil, err
	}
	if doubts > 0 {
		c.fail("%d doubts are left", doubts)
	}
	rows, err := c.legacy.conn.Query(ctx, `select conversation || '/' || id, outcome, coalesce(reason, ''), coalesce(last_fault, ''), attempts, coalesce(parts, 0),
		parts_sent, msgid, coalesce(sent_msec, 0), coalesce(body_hash, ''), marked, unmarkable,
		coalesce(not edited and sent_hash <> row_hash, false),
		coalesce((select n from unnest(notes) as n where n like 'edit\_%' and (edit_hash = row_hash or n = 'edit_in_doubt')), '')
		from amoimport.message`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]modelFate{}
	for rows.Next() {
		var id string
		var f modelFate
		if err := rows.Scan(&id, &f.outcome, &f.reason, &f.before, &f.attempts, &f.parts, &f.partsSent, &f.msgid, &f.msec, &f.words, &f.marked, &f.unmarkable, &f.unseen, &f.edit); err != nil {
			return nil, err
		}
		all[id] = f
	}
	return all, rows.Err()
}
