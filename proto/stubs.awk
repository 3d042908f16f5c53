# Makes gen/stubs.h and gen/stubs.c from the rpc lines of proto files: the typed calls, the thunks that fill the service
# tables, and what the transport has to know of each rpc.
#     awk -v out=DIR -f proto/stubs.awk user.proto post.proto …
#
# An rpc stands on one line. `returns (stream X)` is a stream: the rules are asked for one message after another, and the
# caller gives a function that takes them. An rpc whose name says that it only reads, or whose line has
# `idempotency_level`, may be sent a second time.
#
# Its comment may say who may call it from outside: `// public` anybody with the site's key, `// member` only a member's
# program. Behind that, up to a `;`: the scopes one of which its token needs (`write:follows`), the field beside viewer_id
# and actor_id that says who acts (`author_id`), permissions that the member needs (`PERMISSION_POST`).
#
# A comment that ends in `ahead`: there is also a call …_ahead() with the same request, which has a service in this process
# begin to look up what the call will want; of another process it asks nothing.
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
function reads(name) {
    return name ~ /^(Get|List|Resolve|Stream|Verify|Who|Filter|Suggest|Trending|Find|Search|Count)/ || \
        name ~ /(Timeline|Ids|Likes|Bookmarks)$/
}
function door(   w, n, i, scope, actor, permission) {
    if (!match($0, /\/\/ (public|member)[^;]*/))
        return "{0}"
    n = split(substr($0, RSTART + 3, RLENGTH - 3), w, " ")
    scope = actor = "NULL"
    permission = "0"
    for (i = 2; i <= n; i++)
        if (w[i] ~ /^PERMISSION_/)
            permission = w[i]
        else if (w[i] ~ /_id$/)
            actor = "\"" w[i] "\""
        else
            scope = "\"" w[i] "\""
    return "{" (w[1] == "member" ? "RPC_MEMBER" : "RPC_OUTSIDE") ", " scope ", " actor ", " permission "}"
}
# The thunk behind the service's table: the rules write into a reply of the arena.
function table_thunk(   more, arg) {
    arg = stream ? "(" req " *)(uintptr_t)req" : "req"
    more = stream ? ", &call->more" : ""
    return "\nstatic void " lower "_table_" method "(Pb__" service "_Service *self, const " req " *req, " rep \
        "_Closure done, void *data) {\n    struct rpc_call *call = data;\n    " rep \
        " *reply = arena_alloc(call->ctx->arena, sizeof *reply);\n    (void)self;\n    " init "(reply);\n" \
        "    call->code = " lower "_service_" method "(call->ctx, " arg ", reply" more ");\n" \
        "    done(call->code == OK ? reply : NULL, data);\n}\n"
}
function invoke(request) {
    return "pb__" lower "__" method "(service, " request ", (" rep "_Closure)(void (*)(void))rpc_done, &call)"
}
function caller(   head) {
    head = "\nenum code " lower "_" method "(struct ctx *ctx, const " req " *req, "
    if (!stream)
        return head "const " rep " **ret_reply) {\n    struct rpc_call call = {.ctx = ctx, .code = UNKNOWN};\n" \
            "    ProtobufCService *service = rpc_service(ctx, SVC_" toupper(lower) ");\n    " invoke("req") ";\n" \
            "    if (ret_reply != NULL)\n        *ret_reply = (const " rep " *)call.reply;\n    return call.code;\n}\n"
    return head lower "_" method "_each *each, void *arg) {\n    struct rpc_call call = {.ctx = ctx, .code = UNKNOWN," \
        " .each = (rpc_each *)(void (*)(void))each, .arg = arg};\n" \
        "    ProtobufCService *service = rpc_service(ctx, SVC_" toupper(lower) ");\n    " req " at = *req;\n" \
        "    do {\n        call.more = false;\n        " invoke("&at") ";\n    } while (call.code == OK && call.more);\n" \
        "    return call.code;\n}\n"
}
function declare_ahead() {
    return "void " lower "_" method "_ahead(struct ctx *ctx, const " req " *req);\nvoid " lower "_service_" method \
        "_ahead(struct ctx *ctx, const " req " *req);\n"
}
function ahead() {
    return "\nvoid " lower "_" method "_ahead(struct ctx *ctx, const " req " *req) {\n" \
        "    if (rpc_is_here(ctx->env->app->services[SVC_" toupper(lower) "]))\n        " lower "_service_" method \
        "_ahead(ctx, req);\n}\n"
}
function declare(   c) {
    c = "enum code " lower "_" method "(struct ctx *ctx, const " req " *req, "
    if (!stream)
        return c "const " rep " **ret_reply);\nenum code " lower "_service_" method "(struct ctx *ctx, const " req \
            " *req, " rep " *reply);\n"
    return "typedef enum code " lower "_" method "_each(struct ctx *ctx, const " rep " *message, void *arg);\n" c lower "_" \
        method "_each *each, void *arg);\nenum code " lower "_service_" method "(struct ctx *ctx, " req " *req, " rep \
        " *reply, bool *ret_more);\n"
}
BEGIN {
    h = out "/stubs.h"; c = out "/stubs.c"
    print "#ifndef DEEPLINK_GEN_STUBS_H\n#define DEEPLINK_GEN_STUBS_H\n\n#include <stdbool.h>\n\n#include \"fcgi/rpc.h\"" > h
    print "#include \"gen/stubs.h\"\n\n#include \"fcgi/app.h\"\n#include \"handlers/common/permission.h\"\n#include \"handlers/services.h\"" > c
}
FNR == 1 {
    n = split(FILENAME, path, "/")
    file = path[n]; sub(/\.proto$/, "", file)
    print "#include \"deeplink/v1/" file ".pb-c.h\"" > h
}
/^service / { service = $2; lower = snake(service); marks = doors = "" }
service != "" && /^ *rpc / {
    line = $0
    sub(/\/\/.*/, "", line)
    gsub(/[(){};]/, " ", line)
    split(line, w, " ")
    stream = w[5] == "stream"
    method = snake(w[2]); req = "Pb__" w[3]; rep = "Pb__" w[stream ? 6 : 5]
    init = "pb__" snake(w[stream ? 6 : 5]) "__init"
    protos = protos declare()
    calls = calls table_thunk() caller()
    if ($0 ~ /\/\/.* ahead$/) {
        protos = protos declare_ahead()
        calls = calls ahead()
    }
    marks = marks (marks == "" ? "" : ", ") (stream ? "RPC_STREAM" : "0") \
        (reads(w[2]) || $0 ~ /idempotency_level/ ? " | RPC_SAFE" : "")
    doors = doors "    " door() ",\n"
}
service != "" && /^}/ {
    protos = protos "extern Pb__" service "_Service " lower "_table;\nextern const unsigned char " lower "_marks[];\n" \
        "extern const struct rpc_door " lower "_doors[];\n\n"
    calls = calls "\nPb__" service "_Service " lower "_table = PB__" toupper(lower) "__INIT(" lower "_table_);\n" \
        "const unsigned char " lower "_marks[] = {" marks "};\n" \
        "const struct rpc_door " lower "_doors[] = {\n" doors "};\n"
    service = ""
}
END {
    print "\n" protos "#endif" > h
    print calls > c
}
