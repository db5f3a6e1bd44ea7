# For scripts that start servers and tests: whatever way the script ends, nothing it started stays behind.
# Sourced after common.sh. Usage: `run_begin NAME`, then `run COMMAND…` instead of COMMAND; a
# function run_last, if there is one, has the last word and is told the exit code.
#
# Every command gets a mark in its environment, by which it and its descendants are found again. A signal ends the
# script at once (commands run in the background and are waited for); a SIGKILL is noticed by scripts/lib/guard.

run_begin() {
  run_stack=$1
  run_mark="ADMITONE_TEST_RUN=$run_stack-$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')"
  trap run_end EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  setsid "$root/scripts/lib/guard" "$$" "$run_mark" "$run_stack" </dev/null >/dev/null 2>&1 9>&- &
  run_guard=$!
}

run() {
  env "$run_mark" "$@" 9>&- &
  wait $!
}

# Servers are ended by `stack down`, not by the mark.
run_unmarked() {
  "$@" 9>&- &
  wait $!
}

run_sweep() {
  local mark=$1 signal pids
  for signal in TERM KILL; do
    pids=$(marked_processes "$mark")
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # a list of numbers
    kill -"$signal" $pids 2>/dev/null || true
    until_true 5 nothing_marked "$mark" || true
  done
}

# Only the living: a process that has ended but was not waited for has an empty environment.
marked_processes() {
  { grep -lzxF -- "$1" /proc/[0-9]*/environ 2>/dev/null || true; } | sed 's|^/proc/||; s|/environ$||'
}

nothing_marked() { [ -z "$(marked_processes "$1")" ]; }

run_end() {
  local status=$?
  trap - EXIT
  trap '' HUP INT TERM
  run_sweep "$run_mark"
  "$root/scripts/stack" down --name "$run_stack" >/dev/null 2>&1 9>&- || say "could not end the stack $run_stack"
  kill -- "-$run_guard" 2>/dev/null || true
  if declare -F run_last >/dev/null; then run_last "$status"; fi
  exit "$status"
}
