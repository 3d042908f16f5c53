# Makes gen/queries.h and gen/queries.c from sql/queries/*.sql.
#     awk -v out=DIR -f sql/queries.awk sql/queries/*.sql
function finish() {
    if (name == "") return
    raw[name] = text
    sub(/;[ \t\n]*$/, "", text)
    gsub(/\\/, "&&", text); gsub(/"/, "\\\"", text); gsub(/\n/, "\\n\"\n    \"", text)
    printf "const struct query Q_%s = {\"%s\",\n    \"%s\",\n    %s};\n\n", toupper(name), name, text, rows > c
    print "extern const struct query Q_" toupper(name) ";" > h
    list = list "&Q_" toupper(name) ", "
    name = ""; text = ""
}
function close_list() {
    finish()
    if (service == "") return
    print "extern const struct query *const queries_" service "[];\n" > h
    printf "const struct query *const queries_%s[] = {%sNULL};\n\n", service, list > c
    list = ""
}
BEGIN {
    h = out "/queries.h"; c = out "/queries.c"
    print "#ifndef DEEPLINK_GEN_QUERIES_H\n#define DEEPLINK_GEN_QUERIES_H\n\n#include \"fcgi/drivers/pg.h\"\n" > h
    print "#include \"gen/queries.h\"\n\n#include <stddef.h>\n" > c
    kind[":one"] = "ROWS_ONE"; kind[":maybe"] = "ROWS_MAYBE"; kind[":many"] = "ROWS_MANY"; kind[":exec"] = "ROWS_NONE"
}
# A service's queries may stand in several files: post.sql, post_feed.sql.
FNR == 1 {
    n = split(FILENAME, path, "/"); of = path[n]; sub(/\.sql$/, "", of); sub(/_.*$/, "", of)
    if (of != service) close_list()
    else finish()
    service = of
}
/^-- name: / {
    finish()
    name = $3; rows = kind[$4]
    if (rows == "") { print FILENAME ":" FNR ": a query needs :one, :maybe, :many or :exec" > "/dev/stderr"; bad = 1; exit 1 }
    if (name in seen) { print FILENAME ":" FNR ": query " name " exists already" > "/dev/stderr"; bad = 1; exit 1 }
    seen[name] = 1
    next
}
# The same query upwards: "-- as: NAME, …" stands for the text of one that came before, with ASC for DESC.
/^-- as: / {
    of = $3; sub(/,$/, "", of)
    if (!(of in raw)) { print FILENAME ":" FNR ": there is no query " of " before this one" > "/dev/stderr"; bad = 1; exit 1 }
    text = raw[of]; gsub(/ DESC/, " ASC", text)
    next
}
/^[ \t]*--/ || (name == "" && /^[ \t]*$/) { next }
name == "" { print FILENAME ":" FNR ": SQL outside a named query" > "/dev/stderr"; bad = 1; exit 1 }
/^[ \t]*$/ { next }
{ text = text (text == "" ? "" : "\n") $0 }
END { if (bad) exit 1; close_list(); print "#endif" > h }
