package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/amoimport/amoimport/internal/embedpg"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
)

// leaveEnv turns this test binary into a process that ends without cleaning up.
const leaveEnv = "PGTEST_TEST_LEAVE"

func TestMain(m *testing.M) {
	if os.Getenv(leaveEnv) != "" {
		defer func() {
			if r, failed := recover().(*recorder); failed {
				fmt.Println(r.failed)
				os.Exit(1)
			}
		}()
		fmt.Println(pgtest.Database(&recorder{}))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func exec1(t *testing.T, dsn, sql string) {
	t.Helper()
	if _, err := connect(t, dsn).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	var dsn string
	t.Run("uses one", func(t *testing.T) {
		dsn = pgtest.Database(t)
		runtime.GC() // must not take the server
		exec1(t, dsn, "create table a (b int)")
		exec1(t, pgtest.Database(t), "create table a (b int)")
	})
	if _, err := pgx.Connect(t.Context(), dsn); err == nil || !strings.Contains(err.Error(), "3D000") {
		t.Errorf("the database is still there: %v", err)
	}
}

func TestTemplate(t *testing.T) {
	var runs atomic.Int32
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.Template(t, "one table", func(ctx context.Context, dsn string) error {
				runs.Add(1)
				conn, err := pgx.Connect(ctx, dsn)
				if err != nil {
					return err
				}
				defer conn.Close(ctx)
				_, err = conn.Exec(ctx, "create table a (b int primary key)")
				return err
			})
			exec1(t, dsn, "insert into a values (1)") // fails where another copy's row is seen
			if n := runs.Load(); n != 1 {
				t.Errorf("setup ran %d times", n)
			}
		})
	}
}

// recorder is a test that fails.
type recorder struct{ failed string }

func (r *recorder) Helper()        {}
func (r *recorder) Cleanup(func()) {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(r)
}

func fails(t *testing.T, use func(pgtest.TB)) (why string) {
	t.Helper()
	r := &recorder{}
	defer func() {
		if recover() != any(r) {
			t.Error("it did not fail")
		}
		why = r.failed
	}()
	use(r)
	return ""
}

func TestTemplateFails(t *testing.T) {
	for range 2 { // the second one does not get half a template
		why := fails(t, func(tb pgtest.TB) {
			pgtest.Template(tb, "broken", func(context.Context, string) error { return errors.New("no such luck") })
		})
		if why != "pgtest: template broken: no such luck" {
			t.Error(why)
		}
	}
}

// TestOtherServer runs processes against a server that outlives them: they use it, and the next one removes what
// the last one left, but nothing of one that is alive.
func TestOtherServer(t *testing.T) {
	other, err := embedpg.Start(t.Context(), embedpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Stop()
	databases := func() []string {
		rows, err := connect(t, other.DSN("postgres")).Query(t.Context(),
			"select datname from pg_database where datname like 'amoimport%' order by datname")
		if err != nil {
			t.Fatal(err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if _, err := other.CreateDatabase(t.Context(), "amoimport"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.CreateDatabase(t.Context(), "amoimport_test_0live_1"); err != nil {
		t.Fatal(err)
	}
	alive, err := pgx.ParseConfig(other.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	alive.RuntimeParams["application_name"] = "amoimport_test_0live"
	conn, err := pgx.ConnectConfig(t.Context(), alive)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())

	var last string
	for range 2 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), leaveEnv+"=1", pgtest.URL+"="+other.DSN("postgres"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		config, err := pgx.ParseConfig(strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatal(err)
		}
		want := "amoimport, amoimport_test_0live_1, " + config.Database
		if got := strings.Join(databases(), ", "); got != want || config.Database == last {
			t.Errorf("databases are %s, want %s", got, want)
		}
		last = config.Database
	}
}

func TestOtherServerIsDown(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), leaveEnv+"=1", pgtest.URL+"=postgres://somebody:hush@127.0.0.1:1/postgres")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), "pgtest: "+pgtest.URL) || strings.Contains(string(out), "hush") {
		t.Errorf("%v\n%s", err, out)
	}
}
