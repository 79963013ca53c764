# shellcheck shell=bash
# What the demo and the recording play in: a repository, a runner, what a caller lends to it. In the lab, in the directory $work.

work=$(mktemp -d)
runner=''

end_scene() {
  [ -z "$runner" ] || { kill "$runner" 2>/dev/null && wait "$runner" 2>/dev/null; } || true
  rm -rf "$work"
}
trap end_scene EXIT
trap 'exit 130' INT TERM

# The files of $work/hello become hello.git, which LAB_GIT_KEY may read.
make_repository() {
  rm -rf "$LAB_GIT_ROOT/hello.git"
  git init -q --bare -b main "$LAB_GIT_ROOT/hello.git"
  git -C "$work/hello" init -q -b main
  git -C "$work/hello" add .
  git -C "$work/hello" -c user.name=Demo -c user.email=demo@example.invalid commit -qm 'Say hello'
  git -C "$work/hello" push -q "$LAB_GIT_ROOT/hello.git" main
}

# `ssh -F $work/ssh_config buildbot` is the runner then, which lets $work/deploy_key in.
start_runner() {
  local address
  ssh-keygen -q -t ed25519 -N '' -C deploy-script -f "$work/deploy_key"
  BUILDBOT_AUTHORIZED_KEYS="$(cat "$work/deploy_key.pub")" BUILDBOT_DATA_DIR="$work/data" BUILDBOT_SSH_ADDRESS=127.0.0.1:0 \
    bin/buildbot serve >"$work/runner.log" 2>&1 &
  runner=$!
  for _ in $(seq 300); do
    grep -qs '"msg":"ready"' "$work/runner.log" && break
    kill -0 "$runner" 2>/dev/null || { cat "$work/runner.log"; exit 1; }
    sleep 0.05
  done
  address=$(sed -n 's/.*"address":"\([^"]*\)".*"msg":"ready".*/\1/p' "$work/runner.log")
  cat >"$work/ssh_config" <<CONFIG
Host buildbot
  HostName 127.0.0.1
  Port ${address##*:}
  IdentityFile $work/deploy_key
  IdentitiesOnly yes
  UserKnownHostsFile $work/known_hosts
  StrictHostKeyChecking accept-new
  LogLevel ERROR
CONFIG
  echo "listening on $address"
}

# A key for the repository and a login for the registry, in $work/credentials.yml.
write_credentials() {
  {
    echo 'git:'
    echo '  sshKey: |'
    sed 's/^/    /' "$LAB_GIT_KEY"
    echo 'knownHosts: |'
    sed 's/^/  /' "$LAB_GIT_KNOWN_HOSTS"
    echo "registries: { '$LAB_AUTH_REGISTRY': { username: '$LAB_AUTH_USERNAME', password: '$LAB_AUTH_PASSWORD' } }"
  } >"$work/credentials.yml"
}
