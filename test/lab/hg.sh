# shellcheck shell=bash
# Real Mercurial servers over the repositories in $LAB/hg: hg-ssh behind the git servers' sshd, and hg serve.

hg_shell_command() {
  # The sshd of the git servers runs git-shell, and that runs this. hg-ssh takes the repositories that it may serve.
  printf '#!/bin/sh\nHGRCPATH= exec hg-ssh "%s"/hg/*\n' "$LAB" >"$LAB/ssh/git-shell-commands/hg"
  chmod 0755 -- "$LAB/ssh/git-shell-commands/hg"
}

# Expects the git servers. What is new in the directory is served at once.
up_hg() {
  mkdir -p -- "$LAB/hg"
  hg_shell_command
  printf '[paths]\n/ = %s/*\n[web]\nrefreshinterval = 0\n' "$LAB/hg" >"$LAB/hgweb.conf"
  choose_port hg-serve
  HGRCPATH='' HGPLAIN=1 up hg-serve answers_http "$(port hg-serve)" / 200 -- \
    hg serve --web-conf "$LAB/hgweb.conf" --address 127.0.0.1 --port "$(port hg-serve)"
  choose_port hg-http
  LAB_GIT_HTTP_TOKEN=$(<"$LAB/git-http-token") up hg-http answers_http "$(port hg-http)" /private/ 401 -- \
    node "$here/hg-http.mjs" "$(port hg-http)" "$(port hg-serve)"
}
