package importer_test

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"
)

// rig is an importer with everything real around it: the legacy database and the
// ledger in Postgres, the sandbox behind both APIs. Its fields may be changed
// before a run.
type rig struct {
	t      testing.TB
	world  *sandbox.World
	source *source.DB
	ledger string // DSN
	legacy string // DSN

	options  importer.Options
	live     importer.Live
	timeout  time.Duration // of an attempt
	rate     float64
	progress *importer.Progress // of the last run
	base     func(http.RoundTripper) http.RoundTripper
	wrap     func(importer.Target) importer.Target
	reader   func(importer.Source) importer.Source // around the legacy database
	dial     pgconn.DialFunc                       // to the ledger
	self     ledger.Holder
	open     func(context.Context, ledger.Options) (*ledger.Ledger, error)
	sessions *sessions
}

// newRig makes a rig over a legacy database.
func newRig(t testing.TB, legacy string, o sandbox.Options) *rig {
	t.Helper()
	return rigOver(t, legacy, newLedger(t), o)
}

// newLedger makes an empty ledger and returns its DSN.
func newLedger(t testing.TB) (dsn string) {
	t.Helper()
	return pgtest.Template(t, "ledger", func(ctx context.Context, dsn string) error {
		l, err := ledger.Open(ctx, ledger.Options{DSN: dsn})
		if err != nil {
			return err
		}
		l.Close()
		return nil
	})
}

// rigOver makes a rig over a legacy database and a ledger.
func rigOver(t testing.TB, legacy, ledgerDSN string, o sandbox.Options) *rig {
	t.Helper()
	r := &rig{t: t, world: sandbox.New(o), legacy: legacy, ledger: ledgerDSN, rate: 2000, timeout: 5 * time.Second, self: ledger.Self("test"), open: ledger.Connect, sessions: &sessions{}}
	t.Cleanup(r.sessions.close)
	r.openSource()
	bot := r.world.Options().Channel.Bot
	r.options = importer.Options{
		Compose: compose.Settings{
			IDs:      compose.DefaultTemplates(),
			Bot:      amojo.Party{ID: bot.ClientID, RefID: bot.ID, Name: bot.Name},
			Managers: r.managers(),
		},
		Region:     "RU",
		PersonKey:  []byte("test"),
		SettleTime: 200 * time.Millisecond,
		Log:        zerolog.Nop(),
	}
	r.live = importer.Live{Region: "RU"}
	return r
}

// demoRig is a rig over the demo's data.
func demoRig(t testing.TB, o sandbox.Options) *rig {
	t.Helper()
	return newRig(t, pgtest.Template(t, "demo", func(ctx context.Context, dsn string) error {
		_, err := demodata.Load(ctx, dsn, demodata.Options{})
		return err
	}), o)
}

func (r *rig) openSource() {
	r.t.Helper()
	if r.source != nil {
		r.source.Close()
	}
	db, err := source.Open(r.t.Context(), source.Options{DSN: r.legacy})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(db.Close)
	r.source = db
}

// managers maps the legacy managers to the sandbox's users by e-mail.
func (r *rig) managers() map[string]compose.Manager {
	all, err := r.source.Managers(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var users []amocrm.User
	for _, u := range r.world.Options().Users {
		users = append(users, amocrm.User{ID: int64(u.ID), Name: u.Name, Email: u.Email, AmojoID: u.AmojoID, IsActive: !u.Deactivated})
	}
	return importer.Speakers(importer.PairManagers(all, users, nil))
}

// run runs the importer once, as a process of its own would: with a lease.
func (r *rig) run(ctx context.Context) error {
	r.t.Helper()
	l, err := r.open(ctx, ledger.Options{DSN: r.ledger, Dial: r.dial})
	if err != nil {
		return err
	}
	defer l.Close()
	lease, err := l.Acquire(ctx, r.self, ledger.MinLeaseTime, nil)
	if err != nil {
		return err
	}
	defer lease.Release(context.WithoutCancel(ctx))
	o := r.options
	o.Source, o.Ledger = r.source, l
	if r.reader != nil {
		o.Source = r.reader(o.Source)
	}
	if o.Progress == nil {
		o.Progress = &importer.Progress{}
	}
	r.progress = o.Progress
	ids := o.Compose.IDs
	err = l.Settle(ctx, ledger.Setup{SourceName: "test", Account: "example.amocrm.ru", ScopeID: r.world.ScopeID(),
		Message: ids.Message, Chat: ids.Conversation, Client: ids.Client, Author: ids.Author, Manager: ids.Manager, SplitOver: 4000})
	if err != nil {
		return err
	}
	o.Target = r.target(lease)
	return importer.Run(ctx, o)
}

// target builds the live target over pacers of its own.
func (r *rig) target(lease *ledger.Lease) importer.Target {
	live := r.gated(lease.Confirm)
	live.Lease = lease
	if r.wrap != nil {
		return r.wrap(live)
	}
	return live
}

// gated builds a live target whose requests pass a gate; nil lets all pass.
func (r *rig) gated(gate func(context.Context) error) *importer.Live {
	way := r.world.Transport()
	if r.base != nil {
		way = r.base(way)
	}
	wo := r.world.Options()
	chats, err := amojo.New(&http.Client{Transport: &pace.Transport{
		Pacer: pace.New(pace.Config{Name: "amojo", Rate: r.rate}), AttemptTimeout: r.timeout, Gate: gate,
		Base: amojo.SigningTransport{Secret: wo.Channel.Secret, Base: way},
	}}, "https://amojo.example.test", amojo.Scope{ChannelID: wo.Channel.ID, AccountID: wo.Account.AmojoID})
	if err != nil {
		r.t.Fatal(err)
	}
	crm, err := amocrm.New(&http.Client{Transport: amocrm.Authorizer{Source: amocrm.LongLivedToken(wo.Token), Base: &pace.Transport{
		Pacer: pace.New(pace.Config{Name: "API v4", Rate: r.rate}), AttemptTimeout: r.timeout, Gate: gate, Base: way,
	}}}, "https://example.amocrm.test")
	if err != nil {
		r.t.Fatal(err)
	}
	live := r.live
	live.CRM, live.Chats = crm, chats
	live.CRMRate = func() float64 { return r.rate }
	return &live
}

// complete holds the invariant: every legacy row has an outcome, and the chats
// hold every sent part once, in the order of the conversation, and nothing else
// of ours.
func (r *rig) complete() {
	r.t.Helper()
	var rows int64
	r.queryAt(r.legacy, `select count(*) from messages`, nil, func(scan func(...any) error) error { return scan(&rows) })
	s := r.snapshot()
	if m := s.Messages; m.Total < rows || m.Planned != 0 || m.Sent+m.Skipped+m.Parked != m.Total {
		r.t.Errorf("%d legacy rows, but %+v", rows, m)
	}
	if s.InDoubt != 0 {
		r.t.Errorf("%d requests are left in doubt", s.InDoubt)
	}
	type part struct {
		msgid string
		msec  int64
	}
	want := map[string][]part{}
	r.query(`select c.conversation_id, m.msgid, m.sent_msec, m.parts_sent
		from amoimport.message m join amoimport.conversation c on c.id = m.conversation
		where m.parts_sent > 0
		order by c.conversation_id, m.sent_at, m.seq, length(m.id), m.id`, nil, func(scan func(...any) error) error {
		var chat, msgid string
		var msec int64
		var parts int
		err := scan(&chat, &msgid, &msec, &parts)
		for k := 1; k <= parts; k++ {
			want[chat] = append(want[chat], part{compose.PartID(msgid, k), msec + int64(k) - 1})
		}
		return err
	})
	for _, chat := range r.world.Snapshot().Chats {
		var got []part
		for _, m := range chat.Messages {
			if m.MsgID != "" {
				got = append(got, part{m.MsgID, m.TimeMsec})
			}
		}
		slices.SortStableFunc(got, func(a, b part) int { return cmp.Compare(a.msec, b.msec) })
		if diff := gocmp.Diff(want[chat.ConversationID], got, gocmp.AllowUnexported(part{})); diff != "" {
			r.t.Errorf("chat %s (-ledger +amojo):\n%.2000s", chat.ConversationID, diff)
		}
		delete(want, chat.ConversationID)
	}
	for chat := range want {
		r.t.Errorf("chat %s is not there", chat)
	}
}

// stopWhen cancels as soon as a request ends while the condition holds.
func stopWhen(now func() bool, cancel context.CancelFunc) func(http.RoundTripper) http.RoundTripper {
	return func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(req)
			if now() {
				cancel()
			}
			return resp, err
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// bodyOf reads a request's body without using it up.
func bodyOf(req *http.Request) string {
	if req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	defer body.Close()
	text, _ := io.ReadAll(body)
	return string(text)
}

// setBody gives a request another body.
func setBody(req *http.Request, body string) {
	req.Body = io.NopCloser(strings.NewReader(body))
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
}

// contactOf is the contact of a conversation's person, by the ledger; 0 for none.
func (r *rig) contactOf(conversation string) int {
	var id int
	r.query(`select coalesce(p.contact_id, 0) from amoimport.conversation c join amoimport.client k on k.id = c.client_id
		join amoimport.person p on p.id = k.person_id where c.id = $1`, []any{conversation}, func(scan func(...any) error) error { return scan(&id) })
	return id
}

// post calls API v4 as somebody else would, and returns the status.
func (r *rig) post(path, body string) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://example.amocrm.test"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.world.Options().Token)
	resp, err := r.world.Transport().RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
