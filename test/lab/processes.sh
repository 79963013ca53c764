# shellcheck shell=bash
# The lab's processes. $LAB/pid/NAME holds "PID STARTTIME": a pid alone may belong to somebody else by now.

# started_at PID: its start in clock ticks since boot, proc(5) field 22; fails for one that is gone or a zombie.
started_at() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The name in parentheses may hold anything, so count from the last one: field 3 comes first.
  read -ra stat <<<"${stat##*) }"
  [[ ${stat[0]} != Z ]] && echo "${stat[19]}"
}

recorded_pid() { cut -d ' ' -f 1 "$LAB/pid/$1"; }

runs() {
  local pid start
  { read -r pid start <"$LAB/pid/$1"; } 2>/dev/null || return 1
  [[ $(started_at "$pid") == "$start" ]]
}

# start NAME COMMAND…: in a session of its own, its output in $LAB/log/NAME, its pid on record before it runs.
start() {
  local name=$1 pid recorded
  shift
  read -r recorded < <(
    close_state
    [[ -z ${users:-} ]] || exec {users}<&-
    pid=$BASHPID # which is another one inside $(…)
    echo "$pid $(started_at "$pid")" >"$LAB/pid/$name"
    echo recorded
    exec setsid -- "$@" </dev/null >"$LAB/log/$name" 2>&1
  )
  [[ $recorded == recorded ]]
}

# await NAME CHECK…: until the service itself answers, 30 s at most.
await() {
  local name=$1 deadline=$((SECONDS + 30))
  shift
  until "$@"; do
    runs "$name" || failed "$name" 'ended instead of answering'
    ((SECONDS < deadline)) || failed "$name" 'runs but does not answer after 30 s (test/lab/lab down ends it)'
    sleep 0.05
  done
}

# failed NAME WHAT: with the last lines of its log.
failed() {
  tail -n 15 -- "$LAB/log/$1" >&2 || :
  die 1 "$1 $2; the last lines of its log are above"
}

# up NAME CHECK… -- COMMAND…: starts what does not run, and waits for it either way.
up() {
  local name=$1 began=$EPOCHREALTIME check=()
  shift
  while [[ $1 != -- ]]; do
    check+=("$1")
    shift
  done
  shift
  if runs "$name"; then
    await "$name" "${check[@]}"
    say "$name: runs already"
  else
    say "$name: starts"
    start "$name" "$@"
    await "$name" "${check[@]}"
    say "$name: answers after $(elapsed "$began") s"
  fi
}

# descendants PID: itself and all below it.
descendants() {
  { cat /proc/[0-9]*/stat 2>/dev/null || :; } | awk -v root="$1" '
    function below(pid,  child) { print pid; for (child in parent) if (parent[child] == pid) below(child) }
    { pid = $1; sub(/^.*\) /, ""); parent[pid] = $2 }
    END { below(root) }'
}

# end NAME: with all that it started. KILL at once, also for one that is stopped: nothing it could save will be kept.
end() {
  local processes pid deadline=$((SECONDS + 10))
  if runs "$1"; then
    mapfile -t processes < <(descendants "$(recorded_pid "$1")")
    kill -KILL "${processes[@]}" 2>/dev/null || :
    for pid in "${processes[@]}"; do
      while started_at "$pid" >/dev/null; do
        ((SECONDS < deadline)) || die 1 "$1: process $pid does not end"
        sleep 0.02
      done
    done
    say "$1: ended"
  fi
  rm -f -- "$LAB/pid/$1"
}

# port NAME: the one it has, for as long as it is free or ours; else another.
port() { cat -- "$LAB/port/$1"; }

choose_port() {
  runs "$1" && return
  PREFERRED=$(port "$1" 2>/dev/null || echo 0) node -e '
    const listen = (port) => require("net").createServer()
      .on("error", () => listen(0))
      .listen(port, "127.0.0.1", function () { console.log(this.address().port); this.close(); });
    listen(Number(process.env.PREFERRED));' >"$LAB/port/$1.new"
  mv -- "$LAB/port/$1.new" "$LAB/port/$1"
}

# first_line PORT [REQUEST]: what a server on the loopback says first.
first_line() {
  local line
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" && printf '%b' "${2:-}" >&3 && read -r -t 5 line <&3 && printf '%s\n' "$line"
  ) 2>/dev/null
}

# http_status PORT PATH
http_status() { first_line "$1" "GET $2 HTTP/1.0\r\n\r\n" | cut -d ' ' -f 2; }

answers_http() { [[ $(http_status "$1" "$2") == "$3" ]]; }
