# shellcheck shell=bash
# What the lab needs from Debian or Ubuntu.

has() { command -v "$1" >/dev/null; }

# ldd fails for a static program. Another busybox would not run in an image of its own.
has_static_busybox() { has busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }

# From Debian 13 on the command line stands in a package of its own.
docker_cli_package() {
  if [[ -n $(apt-cache search --names-only '^docker-cli$' 2>/dev/null) ]]; then echo docker-cli; else echo docker.io; fi
}

# Programs that the tests talk to the runner with, and read its results with.
missing_clients() {
  has jq || echo jq
  has make || echo make
  has plink || echo putty-tools
  has dbclient || echo dropbear-bin
  has ssh-audit || echo ssh-audit
  # The base of the runner's image, and its embedded engine.
  has mmdebstrap || echo mmdebstrap
  has dockerd || printf '%s\n' docker.io iptables
  has ip || echo iproute2
  /usr/bin/python3 -c 'import paramiko' 2>/dev/null || echo python3-paramiko
  /usr/bin/python3 -c 'import asyncssh' 2>/dev/null || echo python3-asyncssh
}

missing_packages() {
  has git-shell || echo git
  has git-lfs || echo git-lfs
  has zstd || echo zstd
  has hg || echo mercurial
  has sshd || echo openssh-server
  has ssh-keygen || echo openssh-client
  has docker-registry || echo docker-registry
  has htpasswd || echo apache2-utils
  has_static_busybox || echo busybox-static
  has docker || docker_cli_package
  has_swift || echo python3-swift
  [[ -z ${LAB_CLIENTS:-} ]] || missing_clients
  # test/faults sets the time of day of a runner.
  [[ -z ${LAB_FAULTS:-} ]] || compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || echo libfaketime
  [[ $(engine_host) == "$own_engine" ]] || return 0
  has dockerd || printf '%s\n' docker.io iptables
  has ip || echo iproute2
}

# Packages start their services when they are installed; policy-rc.d is Debian's way to say no.
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f -- "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 -- "$policy"
  fi
  "$@"
)

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >>"$LAB/log/packages" 2>&1; }

install_missing() {
  local packages began=$EPOCHREALTIME
  has node || die 69 'needs Node.js (node) in PATH'
  mapfile -t packages < <(missing_packages | sort -u)
  if ((EUID != 0)) && [[ $(engine_host) == "$own_engine" ]]; then
    die 69 "no Docker engine answers, and only root can start one; start Docker${packages[*]:+, install ${packages[*]}}"
  fi
  ((${#packages[@]} > 0)) || return 0
  [[ $EUID == 0 && -x /usr/bin/apt-get ]] || die 69 "install these first: ${packages[*]} (their names on Debian)"
  say "installing: ${packages[*]}"
  apt_get update || failed packages 'cannot be listed'
  # The docker CLI's package is only known for certain once the lists are there.
  mapfile -t packages < <(missing_packages | sort -u)
  without_services apt_get install -y --no-install-recommends --no-remove "${packages[@]}" ||
    failed packages 'cannot be installed'
  hash -r
  say "installed in $(elapsed "$began") s"
}
