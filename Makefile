# The doors of the house. Each installs what is missing first; bazel/setup tells what.
#
#   make run ARGS="--listen 0.0.0.0:2113"     hands options on to the server (or to examples/traced/run)
#   make test TESTS=//storage/...             runs some of the tests
#   bazel/setup bench                         installs what make bench compares with (it asks for
#                                             nothing, but Debian starts the servers it installs)

BAZEL := bazel
ARGS :=
TESTS := //...

# Bazel keeps its work below the home folder; a bare container may have none.
ifeq ($(HOME),)
export HOME := $(CURDIR)/.tools/home
endif

.PHONY: help run build test demo sagas traced bench soak format setup clean

help:
	@echo "make run      install what is missing, build, start the server on ./data"
	@echo "make build    only build: bazel-bin/sagabase"
	@echo "make test     install what is missing, run every test"
	@echo "make demo     a throw-away server tells the history of this repository"
	@echo "make sagas    two sagas at work, with participants in C, Python and Node"
	@echo "make traced   a deployment with traces, metrics and a dashboard to look at"
	@echo "make bench    measure Sagabase beside Redis, PostgreSQL, UmaDB, Restate and RocksDB"
	@echo "make soak     kill the server under load, check histories and fuzz for SOAK_MINUTES"
	@echo "make format   lay out the C code with clang-format"
	@echo "make setup    install what building and testing needs"
	@echo "make clean    remove what was built (never ./data)"

run: build
	@exec bazel-bin/sagabase serve --data ./data $(ARGS)

build:
	@bazel/setup
	@echo "building bazel-bin/sagabase"
	@$(BAZEL) build --config=release --show_result=0 --ui_event_filters=-info //:sagabase

test: setup
	@tests/run $(TESTS)

demo: build
	@examples/demo/run

sagas: build setup
	@$(BAZEL) build --config=release --show_result=0 --ui_event_filters=-info //examples/order_saga:orders
	@examples/order_saga/run
	@examples/business_trip/run

traced: build setup
	@exec examples/traced/run $(ARGS)

bench: build
	@tests/bench/run

soak: build setup
	@tests/soak

format: setup
	@git ls-files '*.c' '*.h' | xargs clang-format -i

setup:
	@bazel/setup tests

clean:
	@$(BAZEL) clean
