# One recipe per step of scripts/test, for those who have `just`. Without arguments it lists them.

_default:
    @just --list

# Run every step, the quickest first
test:
    scripts/test

# Check the formatting
fmt:
    scripts/test fmt

# Run clippy on every target
clippy:
    scripts/test clippy

# Build the documentation; a broken link is an error
doc:
    scripts/test doc

# Run the property tests of domain
properties:
    scripts/test properties

# Check the conventions of the tree
conventions:
    scripts/test conventions

# Check licences, bans, sources and advisories of the dependencies (needs cargo-deny)
deny:
    scripts/test deny

# Find dependencies that no code uses (needs cargo-machete)
machete:
    scripts/test machete

# Run all tests, with PostgreSQL, Redis, a mail server and a browser of their own
integration:
    scripts/test integration

# Measure the speed and write docs/performance.md
bench:
    scripts/bench
