# Postgres server binaries are installed where they are missing, before what needs them, unless another server is
# named: AMOIMPORT_TEST_DATABASE_URL=… make test, make demo ARGS='--dsn …'.

GO ?= go

# Packages with goroutines of their own, where the race detector has something to find.
RACE = ./importer/... ./pace/... ./amojo/... ./amocrm/... ./sandbox/... ./internal/embedpg/...

.DEFAULT_GOAL := help
.PHONY: help demo test race lint build sandbox ci postgres

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## import a made-up legacy database into a local sandbox, start to finish
	@$(if $(findstring --dsn,$(ARGS)),,scripts/postgres.sh)
	$(GO) run ./cmd/amoimport demo $(ARGS)

test: postgres ## run all tests
	$(GO) test ./...

race: postgres ## run the tests of the concurrent packages under the race detector
	$(GO) test -race $(RACE)

lint: ## gofmt, go vet, staticcheck, go mod tidy -diff
	@unformatted=$$(gofmt -l .) && if [ -n "$$unformatted" ]; then echo "gofmt has something to say about:" $$unformatted; exit 1; fi
	$(GO) vet ./...
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
