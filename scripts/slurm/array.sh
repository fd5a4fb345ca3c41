#!/usr/bin/env bash
# One task of an array job: trains and measures the unit whose number the task has. `submit.sh` submits it, with
# the flags of the units: they go to `fernn run-unit` as they are.
#
# Before its time is over the task stops its unit, whose last checkpoint is kept, and puts itself back in the
# queue: FERNN_MOST_STARTS (30) times at most, node failures and preemptions included, so that a unit whose
# checkpoints are further apart than the time limit does not run for ever.
#SBATCH --job-name=fernn
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --requeue
#SBATCH --open-mode=append
# To the script alone, 120 seconds before the end (Slurm may be a minute early). USR1, since TERM is also what a
# cancelled task gets, and that must not come back.
#SBATCH --signal=B:USR1@120
set -euo pipefail

unit=${SLURM_ARRAY_TASK_ID:?array.sh is the script of an array job; submit it with submit.sh}
program=${FERNN:-fernn}
starts=$((${SLURM_RESTART_COUNT:-0} + 1))
most=${FERNN_MOST_STARTS:-30}
threads=${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}
given=(--threads "$threads")
# What is free on the node may be the other tasks': of what this one asked for, three quarters.
mebibytes=${SLURM_MEM_PER_NODE:-$((${SLURM_MEM_PER_CPU:-0} * threads))}
if [ "$mebibytes" -gt 0 ] && [[ " $* " != *" --memory"[=\ ]* ]]; then
    given+=(--memory "$(printf '%d.%03d' $((mebibytes * 3 / 4096)) $((mebibytes * 3 % 4096 * 1000 / 4096)))")
fi

say() { printf '%(%F %T)T unit %s, start %s on %s: %s\n' -1 "$unit" "$starts" "$HOSTNAME" "$*" >&2; }

stop_unit() {
    interrupted=yes
    kill -TERM "$child" 2>/dev/null || true
}
# The exit code of the program: a signal ends `wait` before the program has ended, then it is asked again.
wait_for_unit() {
    while true; do
        interrupted=no code=0
        wait "$child" || code=$?
        [ "$interrupted" = yes ] || break
    done
}

say "${given[*]}"
time_is_over=no
"$program" run-unit "$unit" "$@" "${given[@]}" &
child=$!
trap 'time_is_over=yes; stop_unit' USR1
trap stop_unit TERM
wait_for_unit
trap '' USR1 TERM # being requeued brings a TERM, which must end neither this script nor scontrol

if [ "$time_is_over" = no ] || [ "$code" -le 128 ]; then
    say "exit code $code"
elif [ "$starts" -ge "$most" ]; then
    say "out of time, and started $starts times already (FERNN_MOST_STARTS); submit it again to go on"
else
    say "out of time; back in the queue"
    scontrol requeue "$SLURM_JOB_ID" || say "could not be put back; submit it again to go on"
fi
exit "$code"
