package importer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"
)

// modelDecision is what a person does about parked messages.
type modelDecision struct {
	Skip bool   // leaves them out, rather than plan them again
	By   string // all, reason, conversation, message, hand: those left out before
	Pick int    // which reason, conversation or message
}

func drawDecision(t *rapid.T) modelDecision {
	d := modelDecision{
		Skip: rapid.IntRange(0, 3).Draw(t, "skip") == 3,
		By:   rapid.SampledFrom([]string{"all", "all", "reason", "conversation", "message"}).Draw(t, "by"),
		Pick: rapid.IntRange(0, 30).Draw(t, "pick"),
	}
	if !d.Skip && rapid.IntRange(0, 3).Draw(t, "take back") == 3 {
		d.By = "hand"
	}
	return d
}

// modelPerson decides about parked messages, and remembers what must never be sent.
type modelPerson struct {
	mu      sync.Mutex
	dsn     string
	conn    *pgx.Conn
	skipped map[string]int // by hand, conversation/id → parts that were sent before
}

// modelDecided is what came of a decision.
type modelDecided struct{ retried, skipped, back int }

func (d modelDecided) some() bool { return d != modelDecided{} }

// newModelPerson lets somebody look after the ledger of a life.
func newModelPerson(ctx context.Context, dsn string) (*modelPerson, error) {
	conn, err := pgx.Connect(ctx, dsn)
	return &modelPerson{dsn: dsn, conn: conn, skipped: map[string]int{}}, err
}

// decide makes a decision. Nothing begins to be sent meanwhile.
func (p *modelPerson) decide(d modelDecision) (did modelDecided, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx := context.Background()
	s, ok, err := p.selection(ctx, d)
	if err != nil || !ok {
		return did, err
	}
	l, err := ledger.Connect(ctx, ledger.Options{DSN: p.dsn + "&application_name=person"})
	if err != nil {
		return did, err
	}
	defer l.Close()
	before := p.skipped
	if d.Skip {
		got, err := l.SkipParked(ctx, s)
		if err != nil {
			return did, err
		}
		did.skipped = int(got.Messages)
	} else {
		got, err := l.Retry(ctx, s)
		if err != nil {
			return did, err
		}
		did.retried = int(got.Planned)
	}
	if p.skipped, err = p.skippedByHand(ctx); err != nil {
		return did, err
	}
	named := s.Reason == outcome.SkippedByHand || s.Message != ""
	for id := range before {
		if _, still := p.skipped[id]; still {
			continue
		}
		did.back++
		if d.Skip || !named {
			return did, fmt.Errorf("%+v takes back that %s was skipped", s, id)
		}
	}
	if n := len(p.skipped) - len(before) + did.back; n != did.skipped {
		return did, fmt.Errorf("%+v skips %d messages and says %d", s, n, did.skipped)
	}
	return did, nil
}

// selection is what a decision means at this moment; false when that is nothing.
func (p *modelPerson) selection(ctx context.Context, d modelDecision) (s ledger.Selection, ok bool, err error) {
	from := outcome.Parked
	if d.By == "hand" {
		from = outcome.Skipped
	}
	type row struct{ Conversation, ID, Reason string }
	rows, err := p.conn.Query(ctx, `select conversation, id, reason from amoimport.message
		where outcome = $1 and ($1 = 'parked' or reason = 'skipped_by_hand') order by 1, 2`, string(from))
	if err != nil {
		return s, false, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil || len(all) == 0 {
		return s, false, err
	}
	pick := all[d.Pick%len(all)]
	switch d.By {
	case "reason":
		s.Reason = outcome.Code(pick.Reason)
	case "conversation":
		s.Conversation = source.ConversationID(pick.Conversation)
	case "message":
		s.Conversation, s.Message = source.ConversationID(pick.Conversation), pick.ID
	case "hand":
		s.Reason = outcome.SkippedByHand
	}
	return s, true, nil
}

func (p *modelPerson) skippedByHand(ctx context.Context) (map[string]int, error) {
	rows, err := p.conn.Query(ctx, `select conversation || '/' || id, parts_sent from amoimport.message where reason = 'skipped_by_hand'`)
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	var id string
	var parts int
	_, err = pgx.ForEachRow(rows, []any{&id, &parts}, func() error { all[id] = parts; return nil })
	return all, err
}

var modelMsgID = regexp.MustCompile(`^imp1-(c\d+)-(m\d+)(_p\d)?$`)

// forbids says why a message must not be sent now; "": it may be. hold says that
// nothing goes past a parked message of its conversation.
func (p *modelPerson) forbids(body string, hold bool) (why string, err error) {
	var request struct {
		Event   string `json:"event_type"`
		Payload struct {
			MsgID string `json:"msgid"`
		} `json:"payload"`
	}
	if err := json.Unmarshal([]byte(body), &request); err != nil {
		return "", err
	}
	id := modelMsgID.FindStringSubmatch(request.Payload.MsgID)
	if id == nil {
		return fmt.Sprintf("%q is no message of ours", request.Payload.MsgID), nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, skipped := p.skipped[id[1]+"/"+id[2]]; skipped {
		return id[0] + " was skipped by hand", nil
	}
	if !hold || request.Event == "edit_message" { // what is edited was sent before
		return "", nil
	}
	var parked string
	err = p.conn.QueryRow(context.Background(), `select coalesce(min(p.id), '') from amoimport.message m join amoimport.message p on p.conversation = m.conversation
		where m.conversation = $1 and m.id = $2 and p.outcome = 'parked' and p.sent_at is not null
			and (p.sent_at, p.seq, length(p.id), p.id) < (m.sent_at, m.seq, length(m.id), m.id)`, id[1], id[2]).Scan(&parked)
	if err == nil && parked != "" {
		why = fmt.Sprintf("%s goes past %s, which is parked", id[0], parked)
	}
	return why, err
}

// decides lets the person decide and tells whether there was anything to decide.
func (c *modelCase) decides(d modelDecision, running bool) bool {
	did, err := c.person.decide(d)
	if err != nil {
		c.fail("decide: %v", err)
	}
	class := "retried by hand"
	if running {
		class = "retried while a life runs"
	}
	c.hits(class, did.retried)
	c.hits("skipped by hand", did.skipped)
	c.hits("skipped by hand, taken back", did.back)
	return did.some()
}

// mayBeSent holds that a person allows what is sent now.
func (c *modelCase) mayBeSent(who, body string) {
	why, err := c.person.forbids(body, c.plan.Hold)
	if err != nil {
		c.fail("look what may be sent: %v", err)
	}
	if why != "" {
		c.fail("%s sends, but %s", who, why)
	}
}

// heldAt tells of each row of a conversation whether a parked one comes before it.
func heldAt(rows []*modelMessage, fates map[string]modelFate) []bool {
	held := make([]bool, len(rows))
	parked := slices.IndexFunc(rows, func(m *modelMessage) bool {
		return m.flaw != "no time" && fates[m.thread.id+"/"+m.id].outcome == outcome.Parked
	})
	for i := parked + 1; parked >= 0 && i < len(rows); i++ {
		held[i] = true
	}
	return held
}
