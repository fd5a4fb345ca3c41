#!/usr/bin/env bash
# Tries submit.sh and array.sh on a Slurm that lives as long as this script: one node on loopback, with ports, keys
# and folders of its own. Two tasks are interrupted on the way, one by a requeue and one as at the end of its time;
# what is collected must be what one process measures, byte for byte. So must what two processes measure that srun
# starts together over MPI, where the program and this Slurm can do that. Needs root on Debian; installs Slurm where
# it is missing.
#
#     scripts/slurm/try.sh
#
#     FERNN   the program [built here, with --features mpi where there are mpicc and libclang]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# Checkpoints a fraction of a second apart, and units of several: time to interrupt them in.
selection=(--only "translation,velocity" --seeds 1 --steps 200 --set "schedule.interval=10")
minutes=20

fail() { echo "try.sh: $1" >&2; exit 1; }
# Waits until a command is true: seconds, what is waited for, the command.
wait_until() {
    local seconds=$1 what=$2 end=$((SECONDS + $1))
    shift 2
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "waited $seconds s in vain: $what"
        sleep 0.1
    done
}

[ "$(id -u)" = 0 ] || fail "needs root: it installs Slurm and runs its daemons"
is_missing=no
for program in munged slurmctld slurmd sbatch; do command -v $program >/dev/null || is_missing=yes; done
if [ $is_missing = yes ]; then
    echo "Installing slurm-wlm and munge"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1 ||
        fail "apt-get could not install slurm-wlm and munge"
fi
if [ -z "${FERNN:-}" ]; then
    has_mpi() { command -v mpicc >/dev/null && [[ $(ldconfig -p) = *libclang* ]]; }
    if ! has_mpi; then
        echo "Installing Open MPI"
        apt-get update -qq >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            openmpi-bin libopenmpi-dev libclang-dev libpmix-dev >/dev/null 2>&1 || true # then srun is not tried
    fi
    features=()
    if has_mpi; then features=(--features mpi); fi
    cargo build --release --quiet "${features[@]}" --bin fernn
    FERNN=${CARGO_TARGET_DIR:-target}/release/fernn
fi
program=$(command -v -- "$FERNN") || fail "there is no program $FERNN"
FERNN=$(realpath -- "$program")
export FERNN

work=$(mktemp -d)
daemons=()
stop() {
    code=$?
    trap - EXIT
    set +e
    if [ ${#daemons[@]} -gt 0 ]; then
        timeout 10 scancel --user=root 2>/dev/null
        for _ in {1..50}; do
            [ -n "$(timeout 5 squeue --noheader 2>/dev/null)" ] || break
            sleep 0.2
        done
        kill "${daemons[@]}" 2>/dev/null
        wait "${daemons[@]}" 2>/dev/null
    fi
    if [ $code = 0 ]; then
        rm -rf "$work"
    else
        tail -n 5 "$work"/*.log "$work"/cluster/logs/*.log >&2 2>/dev/null
        echo "try.sh: all logs are left in $work" >&2
    fi
    exit $code
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

next_port=$((20000 + RANDOM % 10000))
free_port() {
    while (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null; do next_port=$((next_port + 1)); done
    port=$next_port next_port=$((next_port + 1))
}
free_port && controller_port=$port
free_port && node_port=$port
node=$(hostname -s)
export SLURM_CONF=$work/slurm.conf
# A requeued task waits until its credential has expired: 5 seconds here, 120 by default.
cat >"$SLURM_CONF" <<END
ClusterName=try
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket,cred_expire=5
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=5
MinJobAge=3600
MailProg=/bin/true
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 RealMemory=4096
PartitionName=try Nodes=$node Default=YES
END
# A container may have no control groups, or no systemd to ask for one.
version=$(sinfo --version | cut -d' ' -f2)
if [ "${version%%.*}" -ge 23 ]; then
    echo "CgroupPlugin=disabled" >"$work/cgroup.conf"
else
    echo "IgnoreSystemdOnFailure=yes" >"$work/cgroup.conf"
fi
(umask 077 && head -c 128 /dev/urandom >"$work/munge.key")
mkdir "$work/state" "$work/spool"

munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.socket" \
    --pid-file="$work/munged.pid" --seed-file="$work/munged.seed" >"$work/munged.log" 2>&1 &
daemons+=($!)
wait_until 20 "munged" test -S "$work/munge.socket"
slurmctld -D >"$work/slurmctld.log" 2>&1 &
daemons+=($!)
slurmd -D >"$work/slurmd.log" 2>&1 &
daemons+=($!)
node_is_idle() { [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; }
wait_until 60 "a node that is idle" node_is_idle
echo "Slurm $version runs, with one node of two CPUs"

cluster=$work/cluster
scripts/slurm/submit.sh --cpus-per-task=1 --mem=1G --time=60 -- "${selection[@]}" --out "$cluster" |
    tee "$work/submitted"
array=$(sed -n 's/^Array job \([0-9]*\):.*/\1/p' "$work/submitted")
collect=$(sed -n 's/^Job \([0-9]*\) collects.*/\1/p' "$work/submitted")

# Of the tasks that run: the number of the unit, and Slurm's number of the task.
running() { squeue --noheader --array --job="$array" --states=RUNNING --format="%K %A"; }
# Two units that run, and two checkpoints of units that are not finished.
two_can_go_on() {
    local file count=0
    for file in "$cluster"/runs/*.safetensors; do
        [[ $file = *.best.safetensors ]] || [ ! -e "$file" ] || [ -e "${file%.safetensors}.csv" ] ||
            count=$((count + 1))
    done
    [ $count -ge 2 ] && [ "$(running | wc -l)" = 2 ]
}
wait_until 120 "two units that run and have a checkpoint" two_can_go_on
mapfile -t tasks < <(running)
read -r requeued _ <<<"${tasks[0]}"
read -r out_of_time job <<<"${tasks[1]}"
scontrol requeue "${array}_$requeued" || fail "unit $requeued could not be requeued"
# As Slurm does before the time limit: to the script alone. (scancel --signal repeats it when a task is requeued.)
kill -USR1 "$(scontrol listpids "$job" | awk '$3 == "batch" && $4 == 0 { print $1 }')" ||
    fail "unit $out_of_time could not be told of its end"
echo "Requeued the task of unit $requeued; told that of unit $out_of_time that its time is over"

state() { scontrol show job "$1" --oneliner | grep -o 'JobState=[A-Z]*' | sort | uniq -c | xargs; }
has_ended() { [[ $(state "$collect") =~ COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL ]]; }
wait_until $((minutes * 60)) "the job that collects" has_ended
echo "Tasks: $(state "$array"); collected: $(state "$collect")"
[ "$(state "$collect")" = "1 JobState=COMPLETED" ] || fail "the job that collects failed"
for unit in "$requeued" "$out_of_time"; do
    grep -q "unit $unit, start 2 " "$cluster/logs/unit-$unit.log" || fail "the task of unit $unit was not started again"
done

"$FERNN" reproduce "${selection[@]}" --out "$work/one" >"$work/one.log" 2>&1 || fail "fernn reproduce failed"
# What a run says of itself (its command, its threads) differs, what was measured must not.
measured() { grep -v ^provenance, "$1/records.csv"; }
measured "$work/one" >"$work/one.csv"
measured "$cluster" >"$work/cluster.csv"
[ "$(wc -l <"$work/one.csv")" -gt 1 ] || fail "fernn reproduce measured nothing"
cmp "$work/one.csv" "$work/cluster.csv" || fail "what the tasks measured is not what one process measures"
echo "$(wc -l <"$work/one.csv") lines of records.csv are the same as those of fernn reproduce"

not_tried() { echo "NOT TRIED: processes that srun starts together, for $1"; exit 0; }
[[ $(ldd "$FERNN" 2>&1) = *libmpi.so* ]] || not_tried "$FERNN is not linked with Open MPI"
[[ $(srun --mpi=list 2>&1) = *pmix* ]] || not_tried "this Slurm has no plugin for PMIx"
grep -q "can not load PMIx library" "$work/slurmd.log" && not_tried "slurmd finds no libpmix.so (libpmix-dev)"

unit=(run-unit 3 --only translation --seeds 1 --steps 60 --threads 1)
unit+=(--set "schedule.parts=4" --set "schedule.interval=5")
together() { timeout 600 srun --ntasks=2 --mpi=pmix "$FERNN" "${unit[@]}" --out "$work/$1" >>"$work/$1.log" 2>&1; }
"$FERNN" "${unit[@]}" --out "$work/alone" >"$work/alone.log" 2>&1 || fail "a process alone failed"
together two || fail "two processes failed"

together killed &
launcher=$!
has_checkpoint() {
    compgen -G "$work/killed/runs/*.safetensors" >/dev/null || ! kill -0 $launcher 2>/dev/null
}
wait_until 120 "a checkpoint of two processes" has_checkpoint
kill -KILL "$(pgrep --newest --full "^$FERNN .*$work/killed")" || fail "neither of two processes runs"
if wait $launcher; then fail "the run ended well although one of its processes was killed"; fi
compgen -G "$work/killed/runs/*[0-9a-f].csv" >/dev/null && fail "it was finished before one was killed"
together killed || fail "two processes do not go on"

unit_measured() { grep -hv ^provenance "$work/$1"/runs/*.csv | sort; }
for other in two killed; do
    cmp <(unit_measured alone) <(unit_measured "$other") || fail "$other: other records than those of one process"
    for kind in best.safetensors safetensors; do
        cmp "$work"/alone/runs/*[0-9a-f].$kind "$work/$other"/runs/*[0-9a-f].$kind || fail "$other: other weights"
    done
done
echo "Two processes that srun started together, also when one was killed: $(unit_measured alone | wc -l) records," \
    "weights and checkpoint are the same"
