#!/usr/bin/env bash
# Runs a selection of experiments on a Slurm cluster: an array job with a task for every unit (a model and a
# seed), and a job after it that collects what they measured into records, tables, figures and the report.
#
#     scripts/slurm/submit.sh [SBATCH OPTIONS --] SELECTION --out FOLDER
#     scripts/slurm/submit.sh --cpus-per-task=16 --time=24:00:00 -- --profile paper --seeds 3 --out results/local/paper
#
# FOLDER is one that all nodes see. SELECTION is what `fernn plan` is given, --data-dir and --memory too.
# Submitted again with the same words it goes on: finished units are left alone.
#
#     FERNN               the program [fernn]
#     FERNN_AT_ONCE       tasks that may run at the same time [as many as the cluster lets]
#     FERNN_MOST_STARTS   how often a task may start that runs out of time [30]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

refuse() { echo "submit.sh: $1" >&2; exit 2; }
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "${BASH_SOURCE[0]}"; }

case ${1:-} in
    '') usage >&2; exit 2 ;;
    -h | --help) usage; exit 0 ;;
esac

options=() selection=()
for word in "$@"; do
    if [ "$word" = -- ] && [ ${#options[@]} = 0 ]; then
        options=("${selection[@]}") selection=()
    else
        selection+=("$word")
    fi
done
for word in "${options[@]}"; do
    case $word in
        -a* | --array*) refuse "the array is made here; FERNN_AT_ONCE=4 caps how many tasks run at once" ;;
    esac
done

# `plan` writes nothing and knows no --out.
out='' planned=()
set -- "${selection[@]}"
while [ $# -gt 0 ]; do
    case $1 in
        --threads | --threads=*) refuse "threads follow from sbatch's --cpus-per-task: give that before --" ;;
        --out=*) out=${1#*=} ;;
        --out)
            out=${2:-}
            shift
            ;;
        *) planned+=("$1") ;;
    esac
    [ $# = 0 ] || shift
done
[ -n "$out" ] || refuse "--out FOLDER is missing: a folder that all nodes see"

program=$(command -v -- "${FERNN:-fernn}") ||
    refuse "there is no program ${FERNN:-fernn}; put fernn on the PATH, or name it: FERNN=/shared/bin/fernn"
[[ $program = /* ]] || program=$PWD/$program
export FERNN=$program
command -v sbatch >/dev/null || refuse "there is no sbatch here; run this where jobs are submitted"
at_once=${FERNN_AT_ONCE:-}
[[ $at_once =~ ^([1-9][0-9]*)?$ ]] || refuse "FERNN_AT_ONCE is a number of tasks from 1, not $at_once"

units=$("$program" plan "${planned[@]}" --count) ||
    refuse "the units could not be counted (fernn plan --count); options of sbatch stand before --"
[[ $units =~ ^[0-9]+$ ]] || refuse "fernn plan --count printed no number: $units"
[ "$units" -gt 0 ] || refuse "nothing is selected: fernn plan counts 0 units"

mkdir -p "$out/logs"
array=$(sbatch --parsable --array="1-$units${at_once:+%$at_once}" --output="$out/logs/unit-%a.log" \
    "${options[@]}" "$here/array.sh" "${selection[@]}") || refuse "sbatch refused the array job"
array=${array%%;*} # a federation adds the cluster's name
echo "Array job $array: $units units, logs in $out/logs"

# After any end of the tasks: units that are missing are named, the others are worth a report.
collect=$(sbatch --parsable --job-name=fernn-collect --output="$out/logs/collect.log" --open-mode=append \
    "${options[@]}" --cpus-per-task=1 --dependency="afterany:$array" <<END
#!/usr/bin/env bash
exec $(printf '%q ' "$program" collect "${selection[@]}")
END
) || refuse "sbatch refused the job that collects; once the tasks are done, run fernn collect by hand"
echo "Job ${collect%%;*} collects them when they are done"
echo "How far they are: squeue --jobs=$array,${collect%%;*}"
