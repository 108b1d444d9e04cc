# The recipes of the house. `just` alone lists them; each is a line that can be typed without just, too.

default:
    @just --list

# format and lint
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# unit and integration tests on SQLite
test *arguments:
    cargo test --workspace --locked {{arguments}}

# the same on the servers too: `just test-db`, or one with `just test-db postgres`
test-db which="":
    TEST_DATABASES="$(scripts/test-databases | tr ',' '\n' | grep '{{which}}' | paste -sd,)" cargo test --workspace --locked

# the acceptance suite against the release build (ACCEPTANCE_SUITE names its folder)
acceptance: release
    scripts/test acceptance

# a server for trying things out; its data is in ./zelos-data
run *arguments:
    cargo run -- serve --dev {{arguments}}

# the pages in Chromium, and the official clients
e2e: release
    scripts/test browser sdk

# everything that CI checks
all:
    scripts/test

# the binary
release:
    cargo build --release --locked -p zelos-server

# licences, advisories and forbidden crates (needs cargo-deny)
deny:
    cargo deny check

# CPU per request, memory and start-up of the release build; KRATOS=/path/to/kratos puts another server beside it
bench *arguments:
    scripts/bench {{arguments}}
