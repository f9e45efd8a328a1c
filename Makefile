# Postgres server binaries are installed where they are missing, before what needs them, unless another server is
# named: AMOIMPORT_TEST_DATABASE_URL=… make test, make demo ARGS='--dsn …'.

GO ?= go

# Packages with goroutines of their own, where the race detector has something to find.
RACE = ./importer/... ./pace/... ./amojo/... ./amocrm/... ./sandbox/... ./internal/embedpg/...

.DEFAULT_GOAL := help
.PHONY: help demo test race soak crash lint build sandbox ci postgres

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## import a made-up legacy database into a local sandbox, start to finish
	@$(if $(findstring --dsn,$(ARGS)),,scripts/postgres.sh)
	$(GO) run ./cmd/amoimport demo $(ARGS)

test: postgres ## run all tests
	$(GO) test ./...

race: postgres ## run the tests of the concurrent packages under the race detector
	$(GO) test -race $(RACE)

# How long make soak goes on, and how often make crash kills.
TIME ?= 1h
KILLS ?= 500

soak: postgres ## run the model test for TIME, an hour unless said otherwise
	AMOIMPORT_MODEL_TIME=$(TIME) $(GO) test -tags model ./importer -run '^TestModel$$' -count=1 -timeout=0 -v

crash: postgres ## kill a running import KILLS times, 500 unless said otherwise
	AMOIMPORT_CRASHES=$(KILLS) $(GO) test ./cmd/amoimport -run '^TestKilled$$' -count=1 -timeout=0 -v

lint: ## gofmt, go vet, staticcheck, go mod tidy -diff
	@unformatted=$$(gofmt -l .) && if [ -n "$$unformatted" ]; then echo "gofmt has something to say about:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags model ./importer
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff

build: ## build ./amoimport
	$(GO) build ./cmd/amoimport

sandbox: ## serve both fake APIs on loopback until Ctrl-C
	$(GO) run ./cmd/amoimport sandbox $(ARGS)

ci: ## what the build server does
	.ci/run

postgres:
	@if [ -z "$$AMOIMPORT_TEST_DATABASE_URL" ]; then scripts/postgres.sh; fi
