package amoimport_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestDockerCompose(t *testing.T) {
	text, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
			Ports       []string
			Volumes     []string
			Healthcheck struct {
				Test                       []string
				Interval, Timeout, Retries string
			}
			ShmSize string `yaml:"shm_size"`
			Restart string
		}
		Volumes map[string]any
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	pg, ok := file.Services["postgres"]
	if !ok || len(file.Services) != 1 {
		t.Fatalf("want one service postgres, have %v", file.Services)
	}
	if !regexp.MustCompile(`^postgres:\d+$`).MatchString(pg.Image) {
		t.Errorf("image %q does not pin a major version", pg.Image)
	}
	if len(pg.Ports) != 1 || pg.Ports[0] != "127.0.0.1:54329:5432" {
		t.Errorf("ports %q: want the loopback address only", pg.Ports)
	}
	if h := pg.Healthcheck; len(h.Test) < 2 || h.Test[0] != "CMD" || h.Test[1] != "pg_isready" || h.Interval == "" || h.Retries == "" {
		t.Errorf("no health check that asks the server: %+v", h)
	}
	for _, v := range pg.Volumes {
		from, _, _ := strings.Cut(v, ":")
		if strings.HasPrefix(from, "./") {
			if _, err := os.Stat(from); err != nil {
				t.Error(err)
			}
		} else if _, ok := file.Volumes[from]; !ok {
			t.Errorf("volume %q is not declared", from)
		}
	}
	// The DSNs of the comment are what errors and documents send people to.
	dsn := "postgres://postgres:" + pg.Environment["POSTGRES_PASSWORD"] + "@127.0.0.1:54329/"
	for _, database := range []string{"ledger", "legacy", "postgres"} {
		if !strings.Contains(string(text), dsn+database+"\n") {
			t.Errorf("%s%s is not told", dsn, database)
		}
	}
}
