#!/usr/bin/env bash
# Tries data-parallel training over MPI: one unit by one, two and four processes, and by two of which one is killed on
# the way. All must come to the same records and weights, byte for byte. Installs Open MPI and libclang where they
# are missing and apt-get is there (as root).
#
#     scripts/mpi/try.sh
#
#     FERNN   the program, built with --features mpi [built here]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
unit=(run-unit 3 --only translation --seeds 1 --steps 60 --threads 1)
unit+=(--set "schedule.parts=4" --set "schedule.interval=5")

fail() { echo "try.sh: $1" >&2; exit 1; }

if ! command -v mpirun >/dev/null || ! command -v mpicc >/dev/null || ! ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1; then
    echo "Installing Open MPI"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends openmpi-bin libopenmpi-dev libclang-dev; } >/dev/null 2>&1 ||
        fail "apt-get could not install openmpi-bin, libopenmpi-dev and libclang-dev"
fi
if [ -z "${FERNN:-}" ]; then
    cargo build --release --quiet --features mpi --bin fernn
    FERNN=${CARGO_TARGET_DIR:-target}/release/fernn
fi
[ -x "$FERNN" ] || fail "there is no program $FERNN"
# Open MPI asks for these of root; more processes than cores are wanted here.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
together() { mpirun --oversubscribe -n "$1" "$FERNN" "${unit[@]}" --out "$work/$2"; }

work=$(mktemp -d)
trap 'code=$?; [ $code = 0 ] && rm -rf "$work" || echo "try.sh: what was run is left in $work" >&2' EXIT

for count in 1 2 4; do
    together "$count" "$count" >"$work/$count.log" 2>&1 || fail "$count processes failed: $(tail -n 3 "$work/$count.log")"
    echo "$count processes: $(tail -n 1 "$work/$count.log")"
done

together 2 killed >"$work/killed.log" 2>&1 &
launcher=$!
until compgen -G "$work/killed/runs/*.safetensors" >/dev/null; do
    kill -0 $launcher 2>/dev/null || fail "no checkpoint to go on from: $(tail -n 3 "$work/killed.log")"
    sleep 0.05
done
kill -KILL "$(pgrep --newest --full "$work/killed")"
if wait $launcher; then fail "the run ended well although one of its processes was killed"; fi
compgen -G "$work/killed/runs/*[0-9a-f].csv" >/dev/null && fail "it was finished before one was killed"
together 2 killed >>"$work/killed.log" 2>&1 || fail "it does not go on: $(tail -n 3 "$work/killed.log")"
echo "One of two processes killed: the other ended, and both went on from the checkpoint"

# What a unit says of its time and threads differs, nothing else.
measured() { grep -hv ^provenance, "$work/$1"/runs/*.csv | sort; }
for other in 2 4 killed; do
    cmp <(measured 1) <(measured "$other") || fail "$other: other records than those of one process"
    for kind in best.safetensors safetensors; do
        cmp "$work"/1/runs/*[0-9a-f].$kind "$work/$other"/runs/*[0-9a-f].$kind || fail "$other: other weights"
    done
done
echo "$(measured 1 | wc -l) records, weights and checkpoint are the same"
