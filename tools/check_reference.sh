#!/bin/sh
# tools/check_reference.sh BINARY [FOLDER]: are the pages of docs/reference what BINARY would write?
# Tells every page that is not, and how to write it anew. Exit code 1 then.
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: $0 BINARY [FOLDER]" >&2
  exit 2
fi
binary=$1
folder=${2:-$(dirname "$0")/../docs/reference}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

stale=0
while read -r name page; do
  "$binary" reference "$name" >"$made/$page"
  if ! diff -u "$folder/$page" "$made/$page"; then
    echo "docs/reference/$page is not current: $binary reference $name >docs/reference/$page" >&2
    stale=1
  fi
done <<'PAGES'
settings settings.md
metrics metrics.md
errors errors.md
connectors connectors.md
openapi openapi.yaml
man sluice.1
man-settings sluice.yaml.5
settings-file sluice.yaml
PAGES
exit $stale
