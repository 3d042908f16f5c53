#!/bin/sh
# Prints gen/migrations.c: the migrations as C strings with their checksums.
#     sh sql/migrations.sh sql/migrations/*.sql
set -eu

echo '#include "fcgi/migrate.h"'
echo
echo 'const struct migration migrations[] = {'
last=0
for file; do
    base=$(basename "$file" .sql)
    case $base in
        [0-9][0-9][0-9][0-9]_*) ;;
        *) echo "$file: a migration is called NNNN_name.sql" >&2; exit 1 ;;
    esac
    number=$(echo "${base%%_*}" | sed 's/^0*//')
    if [ "${number:-0}" -le "$last" ]; then
        echo "$file: number $number comes after $last" >&2
        exit 1
    fi
    last=$number
    printf '    {%s, "%s", "%s",\n' "$number" "${base#*_}" "$(sha256sum "$file" | cut -d' ' -f1)"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
    echo '    },'
done
echo '    {0},'
echo '};'
