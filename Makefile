# Needs Go and git; gcc as well for the race detector. Everything else is fetched and built on first use.

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME := 30s

# The same source, version and Go give the same bytes everywhere: neither paths nor the state of git nor this machine's choices go in.
BUILD     = env CGO_ENABLED=0 GOFLAGS= GOEXPERIMENT= GOAMD64=v1 GOARM64=v8.0 \
	go build -trimpath -buildvcs=false -ldflags='-s -w -buildid= -X main.version=$(VERSION)'
PLATFORMS = linux/amd64 linux/arm64 linux/loong64 darwin/amd64 darwin/arm64 windows/amd64

# The race detector needs a C compiler, and not every platform has one. Asking compiles a little the first time.
RACE   = $(shell CGO_ENABLED=1 go build -race runtime/race >/dev/null 2>&1 && echo yes)
# It watches all but these, which only compute: watching SQLite's own C, become Go, made tests of storage four times as slow. Who calls
# them, the driver included, stays watched.
UNWATCHED = modernc.org/sqlite/lib modernc.org/libc golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b
GOTEST = $(if $(RACE),CGO_ENABLED=1 go test -race $(UNWATCHED:%=-gcflags=%=-race=false),CGO_ENABLED=0 go test) -shuffle=on -timeout=10m

.DEFAULT_GOAL := help
.PHONY: help dev build release generate check browser pages test screenshots fuzz fuzz-briefly bench clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

dev: ## run everything in one process, with a WeChat emulator and no configuration
	go run . sandbox

build: ## build the static binary ./wxkeeper
	$(BUILD) -o wxkeeper .

release: build ## build for every platform into dist/release, with SHA256SUMS and what each consists of (CycloneDX)
	rm -rf dist/release && mkdir -p dist/release
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/} suffix=; test $$os != windows || suffix=.exe; \
		file=dist/release/wxkeeper-$(VERSION)-$$os-$$arch$$suffix; echo $$file; \
		GOOS=$$os GOARCH=$$arch $(BUILD) -o $$file .; \
		./wxkeeper version --sbom $$file >$$file.cdx.json; \
	done
	cd dist/release && LC_ALL=C && { command -v sha256sum >/dev/null && sha256sum -- * || shasum -a 256 -- *; } >../SHA256SUMS
	mv dist/SHA256SUMS dist/release/

generate: ## write what is generated: the pages' Go, their icons and styles, the mini program's package
	go generate ./...
	@$(build-assets)

check: ## gofmt, vet, staticcheck, and generated files are current
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "run: gofmt -w" $$unformatted; exit 1; }
	go vet ./...
	go tool -modfile=tools.mod staticcheck ./...
ifneq ($(wildcard e2e/go.mod),)
	cd e2e && go vet ./... && go tool -modfile=../tools.mod staticcheck ./...
endif
	@$(check-generated)

# Styles, icons and the mini program's package are committed, so that only who changes them needs npm. Not npm ci: it demands the
# packages of all platforms, which not every registry has.
define build-assets
if ! command -v npm >/dev/null; then \
	echo "no npm here: static/, views/icons.go and miniprogram/ stay as they are, neither checked nor tested"; \
else \
	for folder in . miniprogram; do ( cd $$folder && \
		if test node_modules/.package-lock.json -nt package-lock.json || npm install --no-save --no-audit --no-fund --loglevel=error; then \
			echo "npm run build in $$folder" && npm run --silent build; \
		else \
			echo "npm cannot install in $$folder: what it builds stays as it is, neither checked nor tested"; \
		fi ) || exit 1; \
	done; \
fi
endef

# Compares what git sees before and after, so that it also works amid other changes.
define check-generated
git rev-parse --git-dir >/dev/null 2>&1 || { echo "not a git checkout: generated files are not checked"; exit 0; }; \
before=$$(git status --porcelain; git diff) && \
echo "go generate ./..." && go generate ./... && { $(build-assets); } && \
after=$$(git status --porcelain; git diff) && \
test "$$before" = "$$after" || { git diff --stat; echo "generated files were not current: commit what make generate wrote"; exit 1; }
endef

browser: ## install Chromium and fonts for the tests of pages, where that can be done without asking
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; \
	done; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		echo "installing chromium and fonts for the tests of pages"; \
		{ timeout 300 apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -qq -y --no-install-recommends \
			chromium fonts-noto-cjk fonts-noto-color-emoji; } >/dev/null 2>&1 || echo "that failed: pages are not tried in a browser"; \
	else \
		echo "no Chromium here, and no right to install it: pages are not tried in a browser"; \
	fi

test: check browser ## everything CI runs: check, then all tests with the race detector
	@$(if $(RACE),true,echo "no race detector here: testing without it")
	$(GOTEST) ./...
	@$(MAKE) --no-print-directory fuzz-briefly
ifneq ($(wildcard e2e/go.mod),)
	cd e2e && $(GOTEST) ./...
endif

pages: browser ## walk the pages with a real Chromium: stories, accessibility, a phone's width
	cd e2e && go test -count=1 -timeout=10m -run='^TestBrowser$$' -v .

screenshots: browser ## write a screenshot of every page to dist/screenshots
	cd e2e && WXKEEPER_SCREENSHOTS=$(CURDIR)/dist/screenshots go test -count=1 -run='^TestBrowser$$' -v .

# Fuzzing compiles a package anew with all that it imports; with SQLite that takes minutes. So CI leaves those packages to make fuzz, and
# stops the others by a count and not by the clock, which a busy machine would turn into a failure.
define fuzz-packages
@for package in $$($(1)); do \
	cat $$(go list -f '{{$$d := .Dir}}{{range .TestGoFiles}}{{$$d}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$$d}}/{{.}} {{end}}' $$package) /dev/null | \
		sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' | while read -r target; do \
			echo "$$package $$target"; \
			go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(2) $$package || exit 1; \
		done || exit 1; \
done
endef

fuzz: ## run every fuzz test, each for FUZZTIME=30s
	$(call fuzz-packages,go list ./...,$(FUZZTIME))

fuzz-briefly:
	$(call fuzz-packages,go list -f '{{.ImportPath}} {{join .Deps " "}}' ./... | sed '/ modernc.org.sqlite/d; s/ .*//',2000x)
	@echo "only with their seeds: fuzz tests of packages with SQLite; make fuzz runs them whole"

bench: ## run the benchmarks
	go test -run='^$$' -bench=. -benchmem ./...

clean: ## remove what was built
	rm -rf wxkeeper dist
