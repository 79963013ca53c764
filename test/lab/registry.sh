# shellcheck shell=bash
# Two registries on the loopback, where an engine speaks plain HTTP without being told: one open, one with a password.

registry_user=alice

# registry_configuration NAME: https://distribution.github.io/distribution/about/configuration/
registry_configuration() {
  cat <<END
version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: $LAB/$1 }, delete: { enabled: true } }
http: { addr: '127.0.0.1:$(port "$1")', secret: $(random 16) }
END
}

up_registries() {
  [[ -e $LAB/registry-password ]] || {
    # With what breaks when somebody forgets to encode it.
    echo "$(random 8)+/$(random 8)" >"$LAB/registry-password"
    htpasswd -niB "$registry_user" <"$LAB/registry-password" >"$LAB/htpasswd" 2>/dev/null
  }
  choose_port registry
  registry_configuration registry >"$LAB/registry.yml"
  up registry answers_http "$(port registry)" /v2/ 200 -- docker-registry serve "$LAB/registry.yml"

  choose_port auth-registry
  {
    registry_configuration auth-registry
    echo "auth: { htpasswd: { realm: lab, path: $LAB/htpasswd } }"
  } >"$LAB/auth-registry.yml"
  up auth-registry answers_http "$(port auth-registry)" /v2/ 401 -- docker-registry serve "$LAB/auth-registry.yml"
}
