#!/bin/sh
#build_inside_docker_image=$BASE
# A site of a hundred pages, made in a builder container; what is left in the tree becomes the context of the Dockerfile.
set -eu
mkdir -p site
for chapter in $(seq 1 10); do
  echo "chapter $chapter of 10: 10 pages"
  for page in $(seq 1 10); do
    printf '<h1>%s.%s</h1>\n' "$chapter" "$page"
    head -c 20000 /dev/urandom | od -A n -t x1
  done | gzip -9 >"site/$chapter.html.gz"
done
