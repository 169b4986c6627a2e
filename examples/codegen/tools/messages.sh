#!/bin/sh
# messages.sh INPUT HEADER SOURCE: a function for every line `name text` of INPUT.
set -eu

printf '#pragma once\n' >"$2"
printf '#include "messages.h"\n' >"$3"
while read -r name text; do
    printf 'const char *message_%s();\n' "$name" >>"$2"
    printf 'const char *message_%s() { return "%s"; }\n' "$name" "$text" >>"$3"
done <"$1"
