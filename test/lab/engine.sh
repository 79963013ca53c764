# shellcheck shell=bash
# The Docker engine, one that answers already or the lab's own, and the base image in it.

own_engine=unix://$LAB/docker.sock
base_image=buildbot-lab/busybox:latest

engine_host() { cat -- "$LAB/docker-host" 2>/dev/null; }

# engine_answers HOST: GET /_ping, Engine API v1.24 and later. The docker command may not be there yet.
engine_answers() {
  [[ $1 == unix://* ]] && SOCKET=${1#unix://} node -e '
    const done = (code) => process.exit(code);
    require("http").get({ socketPath: process.env.SOCKET, path: "/_ping", timeout: 5000 },
      (response) => done(response.statusCode === 200 ? 0 : 1))
      .on("timeout", () => done(1)).on("error", () => done(1));'
}

# What `up` chose before, then what the machine has, then our own.
choose_engine() {
  local machine=${DOCKER_HOST:-unix:///var/run/docker.sock} host
  for host in "$(engine_host)" "$machine"; do
    engine_answers "$host" || continue
    echo "$host" >"$LAB/docker-host"
    [[ $host == "$own_engine" ]] || say "engine: uses $host"
    return 0
  done
  [[ $machine == unix://* ]] || die 69 "DOCKER_HOST=$machine: the lab needs a local engine (unix://…), its registries are on the loopback"
  echo "$own_engine" >"$LAB/docker-host"
}

# The user's own configuration (contexts, credential helpers) stays out of it.
engine() {
  env -u DOCKER_CONTEXT -u DOCKER_TLS_VERIFY DOCKER_HOST="$(engine_host)" DOCKER_CONFIG="$LAB/docker-config" docker "$@"
}

# A MAC address made from the state directory's name says whose bridge it is, from the moment it is there.
bridge_address() { sha256sum <<<"$LAB" | sed -E 's/^(..)(..)(..)(..).*/02:bb:\1:\2:\3:\4/'; }

own_bridge() {
  local file
  for file in /sys/class/net/bb-lab*/address; do
    [[ -e $file && $(<"$file") == "$(bridge_address)" ]] && basename -- "$(dirname -- "$file")"
  done
  return 0
}

# A bridge of our own, since a second dockerd would share docker0 with the first one, or delete it (--bridge=none).
make_bridge() {
  local n
  for n in {0..63}; do
    [[ -z $(ip -4 route show root "10.213.$n.0/24") ]] || continue
    ip link add "bb-lab$n" address "$(bridge_address)" type bridge 2>/dev/null || continue
    ip address add "10.213.$n.1/24" dev "bb-lab$n"
    ip link set "bb-lab$n" up
    return 0
  done
  die 1 'no free bridge among bb-lab0 to bb-lab63 (ip link)'
}

up_engine() {
  [[ $(engine_host) == "$own_engine" ]] || return 0
  if ! runs engine; then
    down_engine
    # A pid file of an earlier engine names a pid that means something else in the new namespace: start from nothing.
    rm -rf --one-file-system -- "$LAB/engine" "$LAB/docker.sock"
    mkdir -- "$LAB/engine"
    make_bridge
  fi
  # When the first process of a PID namespace ends, the kernel ends all others: containers outlive nothing.
  up engine engine_answers "$own_engine" -- \
    unshare --mount --propagation slave --pid --fork --kill-child=KILL --mount-proc \
    "$here/engine-init" "$LAB" "$(own_bridge)"
}

# The bridges of networks that were made in the engine, from its database: it may be dead when we need to know.
network_bridges() {
  grep -aoE 'br-[0-9a-f]{12}' "$LAB/engine/data/network/files/local-kv.db" 2>/dev/null | sort -u || :
}

# What the kernel does not clear up by itself when the engine is killed.
down_engine() {
  local bridge directory
  for bridge in $(network_bridges); do
    ip link delete "$bridge" 2>/dev/null || :
  done
  bridge=$(own_bridge)
  [[ -n $bridge ]] || return 0
  ip link delete "$bridge"
  while read -r directory; do
    rmdir -- "$directory" 2>/dev/null || :
  done < <(find /sys/fs/cgroup -depth -type d '(' -path "*/$bridge" -o -path "*/$bridge/*" ')' 2>/dev/null)
}

# The tree of a base image as a tar on stdout: a shell, all of busybox, no libraries.
base_tree() {
  local root=$LAB/base applet
  rm -rf -- "$root"
  mkdir -p -- "$root"/{bin,etc,usr}
  mkdir -m 1777 -- "$root/tmp"
  mkdir -m 0700 -- "$root/root"
  ln -s bin "$root/sbin"
  ln -s ../bin "$root/usr/bin"
  ln -s ../bin "$root/usr/sbin"
  install -m 0755 -- "$(command -v busybox)" "$root/bin/busybox"
  for applet in $(busybox --list); do
    [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
  done
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/false' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'nobody:x:65534:' >"$root/etc/group"
  tar -C "$root" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -c .
  rm -rf -- "$root"
}

up_base_image() {
  local pushed began=$EPOCHREALTIME
  mkdir -p -- "$LAB/docker-config"
  if ! engine image inspect "$base_image" >/dev/null 2>&1; then
    say "base image: imports $base_image"
    engine_host >"$LAB/imported-into"
    base_tree | engine import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' - "$base_image" >/dev/null
  fi
  if ! answers_http "$(port registry)" /v2/base/busybox/tags/list 200; then
    pushed=127.0.0.1:$(port registry)/base/busybox:1
    say "base image: pushes $pushed"
    engine tag "$base_image" "$pushed"
    engine push --quiet "$pushed" >/dev/null
    engine rmi "$pushed" >/dev/null
  fi
  say "base image: ready after $(elapsed "$began") s"
}

# Our own engine takes its images along; from another one we take what we put there.
forget_base_image() {
  [[ -e $LAB/imported-into && $(<"$LAB/imported-into") != "$own_engine" ]] || return 0
  engine rmi --force "$base_image" >/dev/null 2>&1 || say "base image: $base_image stays in $(engine_host)"
}
