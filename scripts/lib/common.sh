# Sourced by every script: strict mode, where things are, and the few helpers they share.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)

# Downloads are shared by all checkouts of a user and keyed by version.
if [ -n "${ADMITONE_CACHE_DIR:-}" ]; then
  cache=$ADMITONE_CACHE_DIR
elif [ -n "${HOME:-}" ] && [ -w "${HOME}" ]; then
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/admitone
else
  cache=$root/.cache/admitone
fi

kafka_releases="4.3.1 3.9.2"
# The Debian package's own interpreter: another one in PATH may lack venv.
python=/usr/bin/python3

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# kafka_release 4.3 → 4.3.1
kafka_release() {
  local release
  for release in $kafka_releases; do
    if [ "$1" = "$release" ] || [ "$1" = "${release%.*}" ]; then
      printf '%s\n' "$release"
      return
    fi
  done
  die "Kafka $1 is none of: $kafka_releases"
}

# The folder of a set of pinned packages: a new pin is a new folder, so that parallel checkouts never fight.
pinned_dir() {
  printf '%s/%s-%s\n' "$cache" "$1" "$(sha256sum "$2" | cut -c1-12)"
}

python_dir() { pinned_dir python "$root/tests/requirements.txt"; }
judges_dir() { pinned_dir judges "$root/tests/contract/judges/package.json"; }
go_example_dir() { pinned_dir go-example <(cat "$root/docs/examples/go/go.mod" "$root/docs/examples/go/go.sum"); }
chart_dir() { pinned_dir chart <(cat "$root/tests/chart/tools.txt" "$root/tests/chart/schemas.py"); }
kafka_dir() { printf '%s/kafka-%s\n' "$cache" "$1"; }

# until_true SECONDS COMMAND… : asks again and again, and gives up at the deadline.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1 # the pause between two questions, not a wait for an answer
  done
}
