"""Programs from outside that act for their member: by gRPC through nginx, with a personal token, an app's, or none that is
good. What a token may do is what its scopes say, whatever metadata or message claim."""
# harness: set grpc_tokens = yes
# harness: set grpc_outside_secret = a-key-for-programs-outside
import json
import os
import socket
import subprocess

import grpc

import lib
from lib import check, code_of, deeplink, equal, ours

Code = grpc.StatusCode
pb = lib.stubs()
user_pb2, post_pb2, connection_pb2 = (pb[n + "_pb2"] for n in ("user", "post", "connection"))
SITE = os.environ["TEST_SITE"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def sql(text):
    return subprocess.run(["psql", os.environ["TEST_PG_ADMIN"], "-qAtc", text], check=True, capture_output=True, text=True).stdout.strip()


def forget():
    """What Redis has of tokens goes: PostgreSQL has the truth."""
    keys = subprocess.run(["redis-cli", "-u", os.environ["TEST_REDIS"], "--scan", "--pattern", "token:*"], check=True,
                          capture_output=True, text=True).stdout.split()
    if keys:
        subprocess.run(["redis-cli", "-u", os.environ["TEST_REDIS"], "DEL", *keys], check=True, capture_output=True)


def token(handle, scopes):
    return deeplink("user", "token", handle, "--scopes", scopes).strip()


def bearer(text, *more):
    return (("authorization", "Bearer " + text), *more)


# ---- members, tokens, gateways -------------------------------------------------------------------------------------------

user = pb["user_pb2_grpc"].UserStub(lib.channel("user"))
NAMES = ("tok_ann", "tok_bob", "tok_cyd", "tok_dee")
ann, bob, cyd, dee = user.CreateUsers(user_pb2.CreateUsersRequest(users=[user_pb2.CreateUserRequest(
    handle=h, email=h + "@example.org", name=h, role="member", discoverable=True) for h in NAMES]), metadata=ours()).ids
writer, reader, everything = token("tok_ann", "write:statuses read:statuses"), token("tok_ann", "read"), token("tok_bob", "read write follow")
gateways, ports = [], {}
for name in ("post", "connection", "user"):
    folder = SITE + "/nginx-" + name
    os.makedirs(folder, exist_ok=True)
    ports[name] = free_port()
    subprocess.run([lib.ROOT + "/stack/nginx.sh", "start", folder, "listen=127.0.0.1:%d" % free_port(), "app=%s/fcgi.sock" % lib.SOCKETS,
                    "static=" + folder, "pages=" + folder, "grpc=%s/grpc-%s.sock" % (lib.SOCKETS, name),
                    "grpc_listen=127.0.0.1:%d" % ports[name]], check=True)
    gateways.append(folder)
post = pb["post_pb2_grpc"].PostStub(grpc.insecure_channel("127.0.0.1:%d" % ports["post"]))
connection = pb["connection_pb2_grpc"].ConnectionStub(grpc.insecure_channel("127.0.0.1:%d" % ports["connection"]))
outside_user = pb["user_pb2_grpc"].UserStub(grpc.insecure_channel("127.0.0.1:%d" % ports["user"]))
straight = pb["post_pb2_grpc"].PostStub(lib.channel("post"))

try:
    # ---- in the member's name --------------------------------------------------------------------------------------------
    made = post.CreatePost(post_pb2.CreatePostRequest(text="By a program"), metadata=bearer(writer)).item
    equal("a program writes in its member's name, which it need not say", made.post.author_id, ann)
    named = post.CreatePost(post_pb2.CreatePostRequest(author_id=ann, text="By a program, again"), metadata=bearer(writer)).item
    equal("and may say", named.post.author_id, ann)
    home = post.HomeTimeline(post_pb2.PageRequest(), metadata=bearer(reader))
    check("reads the member's home", made.post.id in [i.post.id for i in home.items], home)
    edited = post.EditPost(post_pb2.EditPostRequest(id=made.post.id, text="Edited by a program"), metadata=bearer(writer)).item
    check("edits", "Edited" in edited.post.html, edited)
    equal("acts on what others wrote", post.React(post_pb2.ReactRequest(id=made.post.id, kind="like", on=True),
                                                  metadata=bearer(everything)).item.mine & 1, 1)
    equal("as that member alone", [u.id for u in post.WhoReacted(post_pb2.WhoRequest(id=made.post.id, kind="like"),
                                                                 metadata=bearer(everything)).users], [bob])
    hidden = post.CreatePost(post_pb2.CreatePostRequest(text="For followers", audience=2), metadata=bearer(writer)).item.post.id
    some = post_pb2.GetPostsRequest(ids=[made.post.id, hidden])
    equal("sees what the member may see", len(post.GetPosts(some, metadata=bearer(everything)).items), 1)
    connection.Follow(connection_pb2.EdgeRequest(target_id=ann), metadata=bearer(everything))
    equal("and what changes with what it does", len(post.GetPosts(some, metadata=bearer(everything)).items), 2)
    equal("lists what is the member's own", code_of(lambda: connection.ListBlocks(
        connection_pb2.ListEdgesRequest(), metadata=bearer(everything)))[0], Code.OK)
    equal("a token needs no gateway", straight.CreatePost(post_pb2.CreatePostRequest(text="Straight"), metadata=bearer(writer)).item.post.author_id, ann)

    equal("by which app it does not say", post.CreatePost(post_pb2.CreatePostRequest(text="Mine", app_name="Another"),
                                                          metadata=bearer(writer)).item.post.app_name, "")

    # ---- whatever is claimed ---------------------------------------------------------------------------------------------
    LIES = (("deeplink-viewer", str(cyd)), ("deeplink-permissions", "127"), ("deeplink-session", "5"), ("deeplink-token", "6"),
            ("deeplink-app", "7"), ("deeplink-depth", "2"), ("deeplink-ip", "192.0.2.1"))
    for words, stub in (("through nginx", post), ("straight", straight)):
        lied = stub.CreatePost(post_pb2.CreatePostRequest(text="Whose?"), metadata=bearer(writer, *LIES)).item
        equal("metadata %s says nothing of who acts" % words, lied.post.author_id, ann)
        other = post_pb2.PostRequest(viewer_id=bob, id=made.post.id)
        for what, call in (("CreatePost", lambda: stub.CreatePost(post_pb2.CreatePostRequest(author_id=bob, text="x"), metadata=bearer(writer))),
                           ("EditPost", lambda: stub.EditPost(post_pb2.EditPostRequest(actor_id=bob, id=made.post.id, text="x"), metadata=bearer(writer))),
                           ("DeletePost", lambda: stub.DeletePost(other, metadata=bearer(writer))),
                           ("HomeTimeline", lambda: stub.HomeTimeline(post_pb2.PageRequest(viewer_id=bob), metadata=bearer(writer)))):
            equal("nor may a message say another member: %s, %s" % (what, words), code_of(call)[0], Code.PERMISSION_DENIED)
    equal("nor of whose lists", code_of(lambda: connection.ListBlocks(
        connection_pb2.ListEdgesRequest(user_id=ann), metadata=bearer(everything)))[0], Code.PERMISSION_DENIED)
    bobs = post_pb2.PostRequest(id=post.CreatePost(post_pb2.CreatePostRequest(text="Bob's"), metadata=bearer(everything)).item.post.id)
    equal("permissions that are claimed delete nothing of others'", code_of(lambda: straight.DeletePost(
        bobs, metadata=bearer(writer, *LIES)))[0], Code.PERMISSION_DENIED)

    # ---- scopes ------------------------------------------------------------------------------------------------------------
    write = post_pb2.CreatePostRequest(text="Not allowed")
    code, error = code_of(lambda: post.CreatePost(write, metadata=bearer(reader)))
    equal("what its scopes do not say it may not", code, Code.PERMISSION_DENIED)
    check("and is told so", "scopes" in error.details(), error.details())
    equal("a narrow one is narrow", code_of(lambda: connection.Follow(
        connection_pb2.EdgeRequest(target_id=cyd), metadata=bearer(writer)))[0], Code.PERMISSION_DENIED)
    for what, call in (("StreamFollowers", lambda: list(connection.StreamFollowers(connection_pb2.IdsRequest(user_id=ann), metadata=bearer(everything)))),
                       ("EraseEdges", lambda: connection.EraseEdges(connection_pb2.EraseEdgesRequest(user_id=ann), metadata=bearer(everything))),
                       ("EraseAuthor", lambda: post.EraseAuthor(post_pb2.EraseAuthorRequest(user_id=ann), metadata=bearer(everything))),
                       ("VerifyToken", lambda: outside_user.VerifyToken(user_pb2.VerifyTokenRequest(token=reader), metadata=bearer(everything))),
                       ("SetRole", lambda: outside_user.SetRole(user_pb2.SetRoleRequest(user_id=bob, role="admin"), metadata=bearer(everything)))):
        equal("what is for services alone is closed: %s" % what, code_of(call)[0], Code.PERMISSION_DENIED)
    user.CreateRole(user_pb2.ChangeRoleRequest(name="silent", permissions=0, rank=1), metadata=ours())
    user.SetRole(user_pb2.SetRoleRequest(user_id=dee, role="silent"), metadata=ours())
    silent = token("tok_dee", "read write")
    equal("who may not write has no program that may", code_of(lambda: post.CreatePost(write, metadata=bearer(silent)))[0], Code.PERMISSION_DENIED)
    equal("but one that reads", code_of(lambda: post.HomeTimeline(post_pb2.PageRequest(), metadata=bearer(silent)))[0], Code.OK)

    # ---- apps ----------------------------------------------------------------------------------------------------------------
    app = user.CreateApp(user_pb2.CreateAppRequest(name="An app", redirect_uris=["https://app.example/back"], scopes="read write"), metadata=ours())
    own = user.IssueAppToken(user_pb2.AppTokenRequest(client_id=app.client_id, client_secret=app.client_secret, scopes="read"), metadata=ours()).token
    equal("an app's own token sees what strangers see", len(post.GetPosts(some, metadata=bearer(own)).items), 1)
    equal("and has no home", code_of(lambda: post.HomeTimeline(post_pb2.PageRequest(), metadata=bearer(own)))[0], Code.UNAUTHENTICATED)
    grant = user.GrantCode(user_pb2.GrantCodeRequest(user_id=cyd, client_id=app.client_id, redirect_uri="https://app.example/back",
                                                     scopes="read write", consent="yes"), metadata=ours(cyd))
    oauth = user.ExchangeCode(user_pb2.ExchangeCodeRequest(client_id=app.client_id, client_secret=app.client_secret, code=grant.code,
                                                           redirect_uri="https://app.example/back"), metadata=ours()).token
    equal("one that a member gave acts for that member", post.CreatePost(post_pb2.CreatePostRequest(text="By an app"),
                                                                         metadata=bearer(oauth)).item.post.author_id, cyd)

    # ---- tokens that open nothing ----------------------------------------------------------------------------------------------
    def home_of(text):
        return code_of(lambda: post.HomeTimeline(post_pb2.PageRequest(), metadata=bearer(text)))[0]

    for words, text in (("one that was made up", reader[:-5] + "AAAAA"), ("of another member", reader.replace(str(ann), str(bob))), ("no token", "x"),
                        ("a long one", "x" * 1000), ("the key of services", lib.SECRET)):
        equal("%s opens nothing" % words, home_of(text), Code.UNAUTHENTICATED)
    equal("not even what strangers see", code_of(lambda: post.GetPosts(some, metadata=bearer("x")))[0], Code.UNAUTHENTICATED)
    equal("a good one opens", home_of(oauth), Code.OK)
    user.RevokeToken(user_pb2.RevokeTokenRequest(client_id=app.client_id, client_secret=app.client_secret, token=oauth), metadata=ours())
    equal("one that was revoked opens nothing", home_of(oauth), Code.UNAUTHENTICATED)
    short = token("tok_cyd", "read")
    equal("one that ends has not ended", home_of(short), Code.OK)
    sql("UPDATE users.access_tokens SET expires_at = now() - interval '1 second' WHERE user_id = %d" % cyd)
    forget()
    equal("one that has ended opens nothing", home_of(short), Code.UNAUTHENTICATED)
    member = token("tok_cyd", "read")
    equal("an active member's opens", home_of(member), Code.OK)
    deeplink("user", "suspend", "tok_cyd")
    equal("a suspended one's does not", home_of(member), Code.UNAUTHENTICATED)
    access = user.ListAccess(user_pb2.ListAccessRequest(user_id=ann), metadata=ours(ann)).items
    check("the member sees that it is used", any(a.seen_ms > 0 for a in access), access)

    # ---- how often ---------------------------------------------------------------------------------------------------------------
    seen = [code_of(lambda: connection.Unfollow(connection_pb2.EdgeRequest(target_id=cyd), metadata=bearer(everything)))[0] for _ in range(125)]
    equal("a program does a thing no more often than its member", set(seen[-3:]), {Code.RESOURCE_EXHAUSTED})
    check("and as often", seen[:100] == [Code.OK] * 100, seen)

    # ---- grpcurl -------------------------------------------------------------------------------------------------------------------
    if os.path.exists(os.environ.get("TEST_GRPCURL", "")):
        said = subprocess.run([os.environ["TEST_GRPCURL"], "-plaintext", "-import-path", lib.ROOT + "/proto", "-import-path", "/usr/include",
                               "-proto", "deeplink/v1/post.proto", "-H", "authorization: Bearer " + writer, "-d", '{"text": "By grpcurl"}',
                               "127.0.0.1:%d" % ports["post"], "deeplink.v1.Post/CreatePost"], capture_output=True, text=True, check=False)
        equal("grpcurl posts", json.loads(said.stdout or "{}").get("item", {}).get("post", {}).get("authorId"), str(ann))
finally:
    for folder in gateways:
        subprocess.run([lib.ROOT + "/stack/nginx.sh", "stop", folder], check=False)
lib.done()
