# Makes gen/stubs.h and gen/stubs.c from the rpc lines of proto files: the typed calls and the thunks that fill the service tables.
#     awk -v out=DIR -f proto/stubs.awk user.proto post.proto …
function snake(s,   r, i, c) {
    r = ""
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (c ~ /[A-Z]/ && i > 1)
            r = r "_"
        r = r tolower(c)
    }
    return r
}
BEGIN {
    h = out "/stubs.h"; c = out "/stubs.c"
    print "#ifndef DEEPLINK_GEN_STUBS_H\n#define DEEPLINK_GEN_STUBS_H\n\n#include \"fcgi/rpc.h\"" > h
    print "#include \"gen/stubs.h\"\n\n#include \"handlers/services.h\"" > c
}
FNR == 1 {
    n = split(FILENAME, path, "/")
    file = path[n]; sub(/\.proto$/, "", file)
    print "#include \"deeplink/v1/" file ".pb-c.h\"" > h
}
/^service / { service = $2; lower = snake(service); table = "" ; body = "" }
service != "" && /^ *rpc / {
    line = $0
    gsub(/[(){};]/, " ", line)
    split(line, w, " ")
    method = snake(w[2]); req = "Pb__" w[3]; rep = "Pb__" w[5]
    init = "pb__" snake(w[5]) "__init"
    protos = protos "enum code " lower "_" method "(struct ctx *ctx, const " req " *req, const " rep " **ret_reply);\n"
    protos = protos "enum code " lower "_service_" method "(struct ctx *ctx, const " req " *req, " rep " *reply);\n"
    calls = calls "\nstatic void " lower "_table_" method "(Pb__" service "_Service *self, const " req " *req, " rep \
        "_Closure done, void *data) {\n    struct rpc_call *call = data;\n    " rep " *reply = arena_alloc(call->ctx->arena, sizeof *reply);\n    (void)self;\n    " \
        init "(reply);\n    call->code = " lower "_service_" method "(call->ctx, req, reply);\n    done(call->code == OK ? reply : NULL, data);\n}\n" \
        "\nenum code " lower "_" method "(struct ctx *ctx, const " req " *req, const " rep " **ret_reply) {\n" \
        "    struct rpc_call call = {ctx, UNKNOWN, NULL};\n    pb__" lower "__" method "(rpc_service(ctx, SVC_" toupper(lower) "), req, (" rep \
        "_Closure)(void (*)(void))rpc_done, &call);\n    if (ret_reply != NULL)\n        *ret_reply = (const " rep " *)call.reply;\n    return call.code;\n}\n"
}
service != "" && /^}/ {
    protos = protos "extern Pb__" service "_Service " lower "_table;\n\n"
    calls = calls "\nPb__" service "_Service " lower "_table = PB__" toupper(lower) "__INIT(" lower "_table_);\n"
    service = ""
}
END {
    print "\n" protos "#endif" > h
    print calls > c
}
