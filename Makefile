# Postgres server binaries, and pgbouncer for the tests, are installed where they are missing, before what needs them;
# the former not where another server is named: AMOIMPORT_TEST_DATABASE_URL=… make test, make demo ARGS='--dsn …'.

GO ?= go

# Where the race detector has something to find: packages with goroutines of their own, and of the importer, most of
# whose tests differ in what goes wrong and not in who runs beside whom, these.
RACE = ./importer/ledger ./importer/tidy ./importer/verify ./pace ./amojo ./amocrm ./sandbox ./internal/embedpg
RACE_IMPORTER = ^Test(StopAndResume|OneWriter|Links|ContactsInDoubt|Hold|RetryAllTheTime|SettlingStarvesNobody|TokenExpires|CommitAnswerLost|TwoMachines|MappingIsWrong|Follow|Marks|EditStopped)$$

.DEFAULT_GOAL := help
.PHONY: help demo test race fuzz mutate model soak crash bench lint audit build sandbox ci postgres

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## import a made-up legacy database into a local sandbox, start to finish
	@$(if $(findstring --dsn,$(ARGS)),,scripts/postgres.sh)
	$(GO) run ./cmd/amoimport demo $(ARGS)

test: postgres ## run all tests
	$(GO) test -timeout 30m ./...

race: postgres ## run the tests of the concurrent packages under the race detector
	$(GO) test -race -timeout 30m $(RACE)
	$(GO) test -race -timeout 30m ./importer -run '$(RACE_IMPORTER)'

# How long each target of make fuzz goes on, and which part of the mutants make mutate tries.
FUZZTIME ?= 5s
PART ?= 1/1

fuzz: ## run each fuzz target for FUZZTIME, 5s unless said otherwise
	scripts/fuzz.sh $(FUZZTIME)

mutate: postgres ## take each defence out and see its test fail; PART=1/3 tries a third
	$(GO) run ./internal/mutate -part $(PART) $(ARGS)

# How long make soak goes on, and how often make crash kills.
TIME ?= 1h
KILLS ?= 500

MODEL = $(GO) test ./importer -run '^TestModel$$' -count=1 -timeout=0 -v

model: postgres ## run the model test for three minutes, always the same lives
	AMOIMPORT_MODEL_TIME=3m $(MODEL)

soak: postgres ## run the model test for TIME, an hour unless said otherwise, other lives each time
	AMOIMPORT_MODEL_TIME=$(TIME) AMOIMPORT_MODEL_SEED=$${AMOIMPORT_MODEL_SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')} $(MODEL)

crash: postgres ## kill a running import KILLS times, 500 unless said otherwise
	AMOIMPORT_CRASHES=$(KILLS) $(GO) test ./cmd/amoimport -run '^TestKilled$$' -count=1 -timeout=0 -v

bench: postgres ## measure what goes through a million messages: verify, the dry run, the queries
	$(GO) test ./importer/verify ./importer/dryrun ./source -run '^$$' -bench . -benchtime 1x -timeout 1h

lint: ## gofmt, go vet, staticcheck, go mod tidy -diff
	@unformatted=$$(gofmt -l .) && if [ -n "$$unformatted" ]; then echo "gofmt has something to say about:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff

# DB names another database of vulnerabilities, such as a mirror.
audit: ## look for known vulnerabilities in what is built, with govulncheck
	@said=$$($(GO) tool govulncheck $(if $(DB),-db $(DB)) ./... 2>&1); code=$$?; \
	case "$$said" in *"fetching vulnerabilities"*) \
		said="Nothing was checked: the database of vulnerabilities ($(or $(DB),https://vuln.go.dev)) cannot be reached.";; esac; \
	printf '%s\n' "$$said"; exit $$code

build: ## build ./amoimport
	$(GO) build ./cmd/amoimport

sandbox: ## serve both fake APIs on loopback until Ctrl-C
	$(GO) run ./cmd/amoimport sandbox $(ARGS)

ci: ## what the build server does
	.ci/run

postgres:
	@if [ -z "$$AMOIMPORT_TEST_DATABASE_URL" ]; then scripts/postgres.sh; fi
	@scripts/postgres.sh pgbouncer
