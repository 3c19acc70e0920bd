# What one types in this repository. `make` alone lists the targets.
#
# Two build folders, and one for release builds, each used by a group of packages from the top of the stack down. SwiftPM
# reuses what it has built when the root package changes, but when a root needs an outside package that the folder's state
# does not list, it removes the checkouts that this root does not use, and everything is built again. Top down, the first
# root's needs include those of all that follow, and nothing is removed. Packages without outside packages have their own
# folder.

SHELL := /bin/bash

# Without the second flag SwiftPM may take the plan of the package that was built last in a folder for this one's, and
# build and test the wrong one.
export SWIFT_FLAGS := -Xswiftc -warnings-as-errors --disable-build-manifest-caching
RUNNER := Tools/test-runner
RESULTS := .build-results/all

manifests = $(patsubst %/Package.swift,%,$(wildcard $(addsuffix /Package.swift,$(1))))
heavy = $(foreach root,$(1),$(if $(wildcard $(root)/Tests/*HeavyTests),$(root)))

TOP_ROOT := $(call manifests,Tests-Integration)
NIO_ROOTS := $(call manifests,Packages/musig2-command Packages/musig2-coordinator Packages/musig2-transport)
PURE_ROOTS := $(call manifests,Tools/fuzz Packages/musig2-session Packages/musig2-dht Packages/musig2-secp256k1 \
	Packages/musig2-wire-codec)
LIBRARIES := $(filter-out %-command,$(filter Packages/%,$(NIO_ROOTS) $(PURE_ROOTS)))
# The first is musig2-coordinator's: Tools/hostile says why they are not in it. It has outside packages, so that it comes first.
HEAVY_ROOTS := $(call manifests,Tools/hostile) $(call heavy,$(PURE_ROOTS))

.PHONY: help setup setup-interop build test network-steps pure-steps integration interop campaign bench ctime callgrind fuzz \
	lint check-layers check-examples check-tables docs release-check release-test coverage install clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## /{ printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  make test-<package>   Test one package, for example make test-session"

setup: ## Install what the build needs from outside (apt-get or brew); does nothing if all is there
	@Tools/setup

setup-interop: setup ## Make .venv-interop, the Python with py-libp2p that the interop tests talk to; once
	@Tools/setup interop

build: setup ## Build everything for debugging
	@set -e; for root in $(TOP_ROOT) $(NIO_ROOTS); do \
		swift build --package-path $$root --scratch-path .build-nio $(SWIFT_FLAGS); done
	@set -e; for root in $(PURE_ROOTS); do \
		swift build --package-path $$root --scratch-path .build-pure $(SWIFT_FLAGS); done

# Every step records its result and goes on; the summary gives the verdict. Two rows of steps run side by side, each with its
# own build folders, because neither keeps two cores busy: a release build compiles a module on one, tests of a network wait.
test: setup-interop ## Run every check and every test, and count them
	@$(RUNNER) start --results $(RESULTS)
	@$(MAKE) --no-print-directory -j2 network-steps pure-steps
	@$(RUNNER) summary --results $(RESULTS)

network-steps:
	@$(RUNNER) swift --results $(RESULTS) --scratch .build-nio --skip HeavyTests --skip InteropTests $(TOP_ROOT)
	@$(RUNNER) swift --results $(RESULTS) --scratch .build-nio --filter InteropTests --name interop $(TOP_ROOT)
	@$(if $(TOP_ROOT),$(RUNNER) check --results $(RESULTS) integration -- Tools/integration)
	@$(if $(TOP_ROOT),$(RUNNER) check --results $(RESULTS) --count install -- Tools/check-install)
	@$(RUNNER) check --results $(RESULTS) --count release-test -- Tools/release-test
	@$(RUNNER) swift --results $(RESULTS) --scratch .build-nio --skip HeavyTests $(NIO_ROOTS)
	@$(RUNNER) check --results $(RESULTS) --count network-docs -- Tools/docs --scratch .build-nio \
		$(filter $(LIBRARIES),$(NIO_ROOTS))
	@$(RUNNER) check --results $(RESULTS) --count ctime -- Tools/ctime/run
	@$(RUNNER) check --results $(RESULTS) --count callgrind -- Tools/callgrind/run

pure-steps:
	@$(RUNNER) check --results $(RESULTS) lint -- Tools/lint
	@$(RUNNER) check --results $(RESULTS) check-layers -- Tools/check-layers
	@$(RUNNER) check --results $(RESULTS) check-examples -- Tools/check-examples
	@$(RUNNER) check --results $(RESULTS) check-tables -- Tools/check-tables
	@$(RUNNER) check --results $(RESULTS) release-check -- Tools/release --check
	@$(RUNNER) check --results $(RESULTS) --count scripts -- \
		python3 -m unittest discover --verbose --start-directory Tools/script-tests --pattern '*_tests.py'
	@$(RUNNER) check --results $(RESULTS) --count page -- \
		.venv-interop/bin/python -m unittest discover --verbose --start-directory Tests-Integration/Interop/page --pattern '*_tests.py'
	@$(RUNNER) swift --results $(RESULTS) --scratch .build-pure --skip HeavyTests $(PURE_ROOTS)
	@$(RUNNER) check --results $(RESULTS) --count pure-docs -- Tools/docs --scratch .build-pure \
		$(filter $(LIBRARIES),$(PURE_ROOTS))
	@$(RUNNER) swift --results $(RESULTS) --scratch .build-release --release --filter HeavyTests $(HEAVY_ROOTS)
	@$(RUNNER) check --results $(RESULTS) --count fuzz -- env RUNS=20000 Tools/fuzz/run

# One package: make test-session, make test-musig2-session, make test-fuzz, make test-Tests-Integration.
test-%: setup
	@package="$(firstword $(call manifests,Packages/musig2-$* Packages/$* Tools/$* $*))"; \
	if [ -z "$$package" ]; then echo "make: there is no package $*" >&2; exit 2; fi; \
	case " $(TOP_ROOT) $(NIO_ROOTS) " in *" $$package "*) scratch=.build-nio ;; *) scratch=.build-pure ;; esac; \
	case "$$package" in Packages/musig2-coordinator) heavy=Tools/hostile ;; *) heavy=$$package ;; esac; \
	set -e; if [ "$$package" = "$(TOP_ROOT)" ]; then Tools/setup interop; fi; \
	$(RUNNER) start --results .build-results/one; \
	if [ "$$package" != Tools/hostile ]; then \
		$(RUNNER) swift --results .build-results/one --scratch $$scratch --skip HeavyTests $$package; fi; \
	case " $(HEAVY_ROOTS) " in *" $$heavy "*) \
		$(RUNNER) swift --results .build-results/one --scratch .build-release --release --filter HeavyTests \
			$$heavy ;; esac; \
	$(RUNNER) summary --results .build-results/one

integration: setup ## Run 2-of-2 and 3-of-3: in memory, as processes, and in every way through a DHT of 8 nodes
	@Tools/integration

# Each line is a row of the matrix, with the number of ways in which it was tested; the log names each.
interop: setup-interop ## Test against py-libp2p, in each direction, over each transport, with each kind of key
	@$(RUNNER) swift --scratch .build-nio --filter InteropTests --name interop --list $(TOP_ROOT)

# The seeds go on from SEED, so that another day tries others. A failure says its seed: SESSIONS=1 SEED=n is that one alone.
campaign: setup ## Run hostile and honest sessions by seed for long, and a network of 10,000 nodes; SESSIONS=10000, SEED=1
	@export HOSTILE_SESSIONS=$(or $(SESSIONS),10000) LIVENESS_SESSIONS=$(or $(SESSIONS),10000) \
		HOSTILE_SEED=$(or $(SEED),1) LIVENESS_SEED=$(or $(SEED),1); status=0; \
	$(RUNNER) swift --scratch .build-release --release --filter HostileNodeTests Tools/hostile || status=1; \
	$(RUNNER) swift --scratch .build-release --release --filter 'HostileSessionTests|LivenessTests' \
		Packages/musig2-session || status=1; \
	NETWORK_NODES=10000 $(RUNNER) swift --scratch .build-release --release --filter NetworkTests/withFilledTables \
		Packages/musig2-dht || status=1; \
	exit $$status

bench: setup ## Measure; PEERS=1 compares with libsecp256k1's own musig module and py-libp2p
	@PEERS="$(PEERS)" Tools/benchmarks/run

ctime: setup ## Check under valgrind that nothing branches on a secret (Linux)
	@Tools/ctime/run

callgrind: setup ## Count the instructions of some operations and hold them to thresholds (Linux)
	@Tools/callgrind/run

fuzz: setup ## Run each decoder's fuzz target on 100,000 inputs (make test: 20,000); RUNS=1000000 for longer
	@Tools/fuzz/run

lint: ## Check formatting, documentation, and names that are retired
	@Tools/lint

check-layers: ## Check arrows, outside packages, imports, purity and versions
	@Tools/check-layers

check-examples: ## Check that examples in documents are code that is tested, and that links lead somewhere
	@Tools/check-examples

check-tables: ## Check that the tests that docs/threats.md names are there, and the tables of docs/json.md
	@Tools/check-tables

docs: setup ## Build the documentation of every module into .build-docs; warnings are errors
	@status=0; \
	Tools/docs --scratch .build-nio $(filter $(LIBRARIES),$(NIO_ROOTS)) || status=1; \
	Tools/docs --scratch .build-pure $(filter $(LIBRARIES),$(PURE_ROOTS)) || status=1; \
	exit $$status

release-check: ## Make a repository of each package, check what needs no build, and remove it
	@Tools/release --check

release-test: setup ## Take each package by version, as a program outside does, from repositories made of the last commit
	@Tools/release-test

install: setup ## Build the command for release and install it with its manual page and completions; PREFIX=/usr/local
	@Tools/install --prefix "$(or $(PREFIX),/usr/local)"

coverage: setup ## Print the line coverage of each package's sources
	@Tools/coverage $(LIBRARIES)

clean: ## Remove everything that was built
	rm -rf .build-* .venv-interop Packages/*/.build Packages/*/.swiftpm Tools/*/.build Tests-Integration/.build
