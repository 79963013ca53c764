# shellcheck shell=bash
# The state directory, its lock, and how the lab speaks.

say() { printf 'lab: %s\n' "$*" >&2; }

# die EXIT-CODE SENTENCE
die() {
  say "$2"
  exit "$1"
}

# elapsed SINCE: seconds with a tenth since a value of EPOCHREALTIME.
elapsed() {
  local microseconds=$((${EPOCHREALTIME//[!0-9]/} - ${1//[!0-9]/}))
  printf '%d.%d' $((microseconds / 1000000)) $((microseconds / 100000 % 10))
}

# The path stands unquoted in sshd's configuration and in URLs; a Unix socket's path has 107 bytes at most, and
# containerd appends some forty to the directory's.
check_path() {
  [[ $LAB =~ ^[A-Za-z0-9._/-]+$ ]] || die 2 "$LAB: only letters, digits and . _ - / are accepted in BUILDBOT_LAB"
  ((${#LAB} <= 60)) || die 2 "$LAB: 60 characters at most are accepted in BUILDBOT_LAB"
}

# `down` deletes the directory, so it must be one that a lab made (or an empty one that was given to it), and ours.
check_state() {
  [[ -d $LAB && ! -L $LAB ]] || die 1 "$LAB is not a directory"
  [[ -O $LAB ]] || die 1 "$LAB belongs to somebody else"
  [[ -e $LAB/.buildbot-lab || -z $(ls -A -- "$LAB") ]] || die 1 "$LAB holds something that is not a lab"
}

# Makes the directory if need be and locks it until close_state or the end of this process. The lock is on the
# directory itself: nothing stays behind when it is removed.
open_state() {
  check_path
  while :; do
    [[ -e $LAB ]] || (umask 077 && mkdir -p -- "$LAB")
    check_state
    exec {lock}<"$LAB"
    flock --nonblock "$lock" || {
      say "waits for another lab command in $LAB"
      flock "$lock"
    }
    # Another's `down` may have removed the directory that we waited for.
    [[ $LAB -ef /proc/self/fd/$lock ]] && break
    close_state
  done
  chmod 0700 -- "$LAB"
  touch -- "$LAB/.buildbot-lab"
  mkdir -p -- "$LAB"/{log,pid,port}
}

close_state() {
  exec {lock}<&-
  lock=
}

remove_state() {
  local path
  while read -r path; do
    umount --lazy -- "$path" 2>/dev/null || :
  done < <(awk -v lab="$LAB/" 'index($5, lab) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
  rm -rf --one-file-system -- "$LAB"
}

# random BYTES: hexadecimal.
random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
