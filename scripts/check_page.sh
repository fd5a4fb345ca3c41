#!/usr/bin/env bash
# Opens the report.html of a run in headless Chromium: the board must be there, the script must have
# run to its end, and nothing may have gone wrong on the console. Leaves screenshots of both colour
# schemes in FOLDER/screenshots.
#
#     scripts/check_page.sh FOLDER
set -euo pipefail
folder=$(cd "${1:?usage: check_page.sh FOLDER}" && pwd)
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "check_page: no chromium found; install it with: apt-get install chromium" >&2
    exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

open_page() {
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars \
        --user-data-dir="$work/profile" --virtual-time-budget=5000 "$@" "file://$folder/report.html"
}
must() {
    grep -q -- "$2" "$work/$1" || { echo "check_page: $3" >&2; exit 1; }
}

open_page --enable-logging=stderr --dump-dom >"$work/page" 2>"$work/log"
must page 'id="verdict-board"' "the page has no verdict board"
must page 'data-ready="yes"' "the script did not run to its end"
must page 'aria-sort="none"' "tables cannot be sorted"
must page '<canvas' "films have no frames"
if grep -E 'CONSOLE' "$work/log" >&2; then
    echo "check_page: the console has messages" >&2
    exit 1
fi
mkdir -p "$folder/screenshots"
open_page --window-size=1280,1600 --screenshot="$folder/screenshots/light.png" >/dev/null 2>&1
open_page --window-size=1280,1600 --force-dark-mode --screenshot="$folder/screenshots/dark.png" >/dev/null 2>&1
for scheme in light dark; do
    [ -s "$folder/screenshots/$scheme.png" ] || { echo "check_page: no $scheme.png" >&2; exit 1; }
done
if cmp -s "$folder/screenshots/light.png" "$folder/screenshots/dark.png"; then
    echo "check_page: both colour schemes look the same" >&2
    exit 1
fi
echo "report.html opens without a complaint; screenshots in $1/screenshots"
