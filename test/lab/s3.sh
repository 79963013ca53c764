# shellcheck shell=bash
# A real S3 server: OpenStack Swift, which verifies signatures and knows multipart uploads. It forgets everything when it ends.

s3_access_key=lab:publisher
s3_bucket=lab-artefacts

# Debian's packages are for the system's Python. The directory is looked for first: `up` should take no time when all is there.
has_swift() {
  [[ -d /usr/lib/python3/dist-packages/swift/common/middleware/s3api ]] ||
    /usr/bin/python3 -c 'import swift.common.middleware.s3api' 2>/dev/null
}

# It takes a second, so it starts with the first services and is waited for with the last.
begin_s3() {
  # With what breaks when somebody forgets to encode it.
  [[ -e $LAB/s3-secret-key ]] || echo "$(random 16)+/=$(random 4)" >"$LAB/s3-secret-key"
  choose_port s3
  s3_began=
  runs s3 && return
  s3_began=$EPOCHREALTIME
  say 's3: starts'
  rm -rf -- "$LAB/s3"
  mkdir -- "$LAB/s3"
  LAB_S3_ACCESS_KEY=$s3_access_key LAB_S3_SECRET_KEY=$(<"$LAB/s3-secret-key") start s3 \
    /usr/bin/python3 -I "$here/s3.py" "$LAB/s3" "$(port s3)" "$s3_bucket"
}

up_s3() {
  await s3 answers_http "$(port s3)" /healthcheck 200
  if [[ -n $s3_began ]]; then say "s3: answers after $(elapsed "$s3_began") s"; else say 's3: runs already'; fi
}
