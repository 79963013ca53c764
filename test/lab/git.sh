# shellcheck shell=bash
# Real git servers over the bare repositories in $LAB/git: OpenSSH twice, and git http-backend.

git_keys() {
  [[ -e $LAB/ssh/authorized_keys ]] && return
  rm -rf -- "$LAB/ssh"
  mkdir -- "$LAB/ssh"
  local key
  for key in host_key accepted refused; do
    ssh-keygen -q -t ed25519 -N '' -C "lab $key" -f "$LAB/ssh/$key"
  done
  # shellcheck disable=SC2016  # sshd gives the variable to the shell of the login
  printf 'command="%s -c \\"$SSH_ORIGINAL_COMMAND\\"",restrict %s\n' "$(command -v git-shell)" \
    "$(<"$LAB/ssh/accepted.pub")" >"$LAB/ssh/authorized_keys"
}

# OpenSSH without PAM refuses an account whose password is locked, also to a key.
account_is_locked() { [[ $(getent shadow "$(id -un)" 2>/dev/null | cut -d : -f 2) == '!'* ]]; }

# sshd_configuration PORT, sshd_config(5). MaxStartups: the default drops connections at random when ten log in at once.
# SetEnv: the user's shell reads no .bashrc, git no configuration.
sshd_configuration() {
  cat <<END
ListenAddress 127.0.0.1:$1
HostKey $LAB/ssh/host_key
PidFile none
AuthorizedKeysFile $LAB/ssh/authorized_keys
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM $(account_is_locked && echo yes || echo no)
MaxStartups 200
MaxSessions 200
SetEnv HOME=$LAB/ssh GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
END
}

# up_sshd NAME [LINE]: one more line of configuration makes the difference between the two.
up_sshd() {
  local config=$LAB/ssh/$1.conf sshd options=()
  sshd=$(command -v sshd)
  choose_port "$1"
  sshd_configuration "$(port "$1")" >"$config"
  echo "${2:-}" >>"$config"
  # From 9.8 on an address is shut out after failed logins, which tests make on purpose. Older ones refuse the option.
  "$sshd" -t -f "$config" -o PerSourcePenalties=no 2>/dev/null && options=(-o PerSourcePenalties=no)
  up "$1" greets_as_ssh "$(port "$1")" -- "$sshd" -D -e -f "$config" "${options[@]}"
}

# Commands that git-shell runs besides git's own, git-shell(1).
shell_commands() {
  mkdir -p -- "$LAB/ssh/git-shell-commands"
  # git-lfs-authenticate PATH OPERATION, docs/api/server-discovery.md of git-lfs: a test says in the repository what it answers.
  printf '#!/bin/sh\nexec cat -- "$1/lfs-authenticate.json"\n' >"$LAB/ssh/git-shell-commands/git-lfs-authenticate"
  chmod -R 0755 -- "$LAB/ssh/git-shell-commands"
}

greets_as_ssh() { [[ $(first_line "$1") == SSH-2.0-* ]]; }

up_git() {
  mkdir -p -- "$LAB/git"
  git_keys
  shell_commands
  # Where sshd of root separates its privileges, fixed when it was compiled; shared with every other sshd, so it stays.
  ((EUID != 0)) || mkdir -p -- /run/sshd
  up_sshd git-ssh 'AcceptEnv GIT_PROTOCOL'
  up_sshd git-ssh-v0
  local name
  for name in git-ssh git-ssh-v0; do
    echo "[127.0.0.1]:$(port "$name") $(cut -d ' ' -f 1,2 "$LAB/ssh/host_key.pub")"
  done >"$LAB/ssh/known_hosts"

  [[ -e $LAB/git-http-token ]] || random 20 >"$LAB/git-http-token"
  choose_port git-http
  LAB_GIT_HTTP_TOKEN=$(<"$LAB/git-http-token") up git-http answers_http "$(port git-http)" /private/ 401 -- \
    node "$here/git-http.mjs" "$(port git-http)" "$LAB/git"
}
