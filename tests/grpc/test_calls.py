"""A stock gRPC client (grpcio) calls every rpc of our pools: answers, errors, deadlines, streams, a thousand at once."""
# harness: set grpc_outside_secret = a-key-for-programs-outside
import concurrent.futures
import json
import os
import subprocess

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool

import lib
from lib import check, code_of, equal, ours

Code = grpc.StatusCode
pb = lib.stubs()
user_pb2, post_pb2, connection_pb2, rpc_pb2 = (pb[n + "_pb2"] for n in ("user", "post", "connection", "rpc"))
OUTSIDE = (("authorization", "Bearer a-key-for-programs-outside"),)

channels = {name: lib.channel(name) for name in ("user", "post", "connection")}
user = pb["user_pb2_grpc"].UserStub(channels["user"])
post = pb["post_pb2_grpc"].PostStub(channels["post"])
connection = pb["connection_pb2_grpc"].ConnectionStub(channels["connection"])


def people(n):
    request = user_pb2.CreateUsersRequest(users=[user_pb2.CreateUserRequest(
        handle="stock_%d" % i, email="stock_%d@example.org" % i, name="Stock %d" % i, role="member", discoverable=True)
        for i in range(n)])
    return list(user.CreateUsers(request, metadata=ours()).ids)


ids = people(40)
ann, bob = ids[0], ids[1]

# ---- answers -----------------------------------------------------------------------------------------------------------

users = user.GetUsers(user_pb2.GetUsersRequest(ids=ids), metadata=ours()).users
equal("all members come back", sorted(u.id for u in users), sorted(ids))
made = post.CreatePost(post_pb2.CreatePostRequest(author_id=ann, text="Grüße by gRPC", language="de"), metadata=ours(ann))
equal("a post is made", made.item.post.text, "Grüße by gRPC")
equal("with its author's card, from another pool", made.item.author.handle, "stock_0")
seen = post.GetPosts(post_pb2.GetPostsRequest(viewer_id=bob, ids=[made.item.post.id]), metadata=ours(bob))
equal("and read", [i.post.html for i in seen.items], [made.item.post.html])
for i in ids[2:]:
    connection.Follow(connection_pb2.EdgeRequest(actor_id=i, target_id=ann), metadata=ours(i))

# ---- a stream ----------------------------------------------------------------------------------------------------------

chunks = list(connection.StreamFollowers(connection_pb2.IdsRequest(user_id=ann, limit=10), metadata=ours()))
equal("a stream has as many messages as it takes", [len(c.ids) for c in chunks], [10, 10, 10, 8])
equal("and all followers", [i for c in chunks for i in c.ids], sorted(ids[2:]))
equal("a stream of nobody ends well", [list(c.ids) for c in connection.StreamFollowers(
    connection_pb2.IdsRequest(user_id=bob), metadata=ours())], [[]])
everybody_once = [u.id for page in user.StreamUsers(user_pb2.SinceRequest(limit=7), metadata=ours()) for u in page.users]
equal("all members, once", sorted(i for i in everybody_once if i in ids), sorted(ids))
check("in the order of ids", everybody_once == sorted(set(everybody_once)))
equal("those after one", [u.id for page in user.StreamUsers(user_pb2.SinceRequest(after=ids[36]), metadata=ours()) for u in page.users], ids[37:])
more = [post.CreatePost(post_pb2.CreatePostRequest(author_id=ann, text="Number %d" % i), metadata=ours(ann)).item.post.id for i in range(8)]
equal("all posts since one", [v.id for page in post.StreamPosts(user_pb2.SinceRequest(after=made.item.post.id, limit=3), metadata=ours())
                              for v in page.posts], more)
endless = connection.StreamFollowers(connection_pb2.IdsRequest(user_id=ann, limit=1), metadata=ours())
next(endless)
endless.cancel()
equal("after a stream was cancelled the next call is answered",
      code_of(lambda: connection.GetCounts(connection_pb2.GetCountsRequest(user_ids=[ann]), metadata=ours()))[0], Code.OK)

# ---- errors ------------------------------------------------------------------------------------------------------------


def detail_of(error):
    """Our ErrorDetail out of the standard google.rpc.Status."""
    packed = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    if packed is None:
        return None
    status, detail = rpc_pb2.RpcStatus.FromString(packed), rpc_pb2.ErrorDetail()
    detail.ParseFromString(status.details[0].value)
    return detail


code, error = code_of(lambda: user.GetProfile(user_pb2.GetProfileRequest(handle="nobody_here"), metadata=ours()))
equal("what is not there is NOT_FOUND", code, Code.NOT_FOUND)
code, error = code_of(lambda: connection.GetRelationships(
    connection_pb2.GetRelationshipsRequest(viewer_id=ann, target_ids=range(1, 1200)), metadata=ours(ann)))
equal("too much at once is INVALID_ARGUMENT", code, Code.INVALID_ARGUMENT)
equal("and names the field", [f.field for f in detail_of(error).fields], ["target_ids"])
german = [(k, "de" if k == "deeplink-language" else v) for k, v in ours(ann)]
code, error = code_of(lambda: post.CreatePost(post_pb2.CreatePostRequest(author_id=ann, text=""), metadata=german))
check("an error's words arrive whole, whatever their letters", error is not None and "%" not in error.details(), error)
equal("a method that is none is UNIMPLEMENTED", code_of(lambda: channels["user"].unary_unary(
    "/deeplink.v1.User/Nothing")(b"", metadata=ours()))[0], Code.UNIMPLEMENTED)
equal("another pool's service is UNIMPLEMENTED here", code_of(lambda: channels["user"].unary_unary(
    "/deeplink.v1.Post/GetPosts")(b"", metadata=ours()))[0], Code.UNIMPLEMENTED)
equal("a message that is none is INVALID_ARGUMENT", code_of(lambda: channels["user"].unary_unary(
    "/deeplink.v1.User/GetUsers")(b"\xff\xff\xff\xff", metadata=ours()))[0], Code.INVALID_ARGUMENT)
code, error = code_of(lambda: channels["user"].unary_unary("/deeplink.v1.User/GetUsers")(bytes(4 << 20) + b"x", metadata=ours()))
equal("more than 4 MiB is RESOURCE_EXHAUSTED", code, Code.RESOURCE_EXHAUSTED)
equal("compressed messages are UNIMPLEMENTED, as the protocol wants", code_of(lambda: channels["user"].unary_unary(
    "/deeplink.v1.User/GetUsers")(b"", metadata=ours(), compression=grpc.Compression.Gzip))[0], Code.UNIMPLEMENTED)

# ---- who may -----------------------------------------------------------------------------------------------------------

counts = connection_pb2.GetCountsRequest(user_ids=[ann])
equal("without a key nobody is let in", code_of(lambda: connection.GetCounts(counts))[0], Code.UNAUTHENTICATED)
equal("nor with a wrong one", code_of(lambda: connection.GetCounts(counts, metadata=ours(secret="wrong" * 8)))[0], Code.UNAUTHENTICATED)
equal("a program from outside may ask what is public",
      code_of(lambda: connection.GetCounts(counts, metadata=OUTSIDE))[0], Code.OK)
follow = connection_pb2.EdgeRequest(actor_id=bob, target_id=ann)
equal("but not act", code_of(lambda: connection.Follow(follow, metadata=OUTSIDE))[0], Code.PERMISSION_DENIED)
equal("nor in somebody's name", code_of(lambda: connection.Follow(
    follow, metadata=OUTSIDE + (("deeplink-viewer", str(bob)),)))[0], Code.PERMISSION_DENIED)
equal("nor by saying in a message who looks", code_of(lambda: post.GetPosts(post_pb2.GetPostsRequest(
    viewer_id=bob, ids=[made.item.post.id]), metadata=OUTSIDE))[0], Code.PERMISSION_DENIED)
hidden = post.CreatePost(post_pb2.CreatePostRequest(author_id=ann, text="For followers", audience=2), metadata=ours(ann)).item.post.id
equal("and sees what strangers see", len(post.GetPosts(post_pb2.GetPostsRequest(
    ids=[made.item.post.id, hidden]), metadata=OUTSIDE + (("deeplink-viewer", str(ann)),)).items), 1)
equal("a call that the gateway brought is from outside, whatever key it shows", code_of(lambda: connection.Follow(
    follow, metadata=ours(bob) + (("deeplink-outside", "1"),)))[0], Code.UNAUTHENTICATED)
equal("nobody follows by that", list(connection.GetCounts(counts, metadata=ours()).counts)[0].followers, len(ids) - 2)

# ---- deadlines and many at once ----------------------------------------------------------------------------------------

late = [post.GetPosts.future(post_pb2.GetPostsRequest(ids=[made.item.post.id]), metadata=ours(), timeout=0.05) for _ in range(600)]
codes = {f.code() for f in late}
check("of too many calls for their time, those that are late are DEADLINE_EXCEEDED, and no others fail",
      codes <= {Code.OK, Code.DEADLINE_EXCEEDED}, codes)
# A pool that stands still is late for every call, however quick the machine is; when it goes on, it answers again.
with lib.stopped("serve-user"):
    late = [user.GetUsers.future(user_pb2.GetUsersRequest(ids=[ann]), metadata=ours(), timeout=0.3) for _ in range(100)]
    equal("calls that nobody answers in time are all DEADLINE_EXCEEDED", {f.code() for f in late}, {Code.DEADLINE_EXCEEDED})
equal("and the next one is answered", code_of(lambda: user.GetUsers(user_pb2.GetUsersRequest(ids=[ann]), metadata=ours(), timeout=30))[0], Code.OK)
futures = [user.GetUsers.future(user_pb2.GetUsersRequest(ids=[ids[i % len(ids)]]), metadata=ours(), timeout=60) for i in range(1000)]
equal("a thousand calls at once are all answered, each with its own answer",
      [f.result().users[0].id for f in futures], [ids[i % len(ids)] for i in range(1000)])

# ---- every rpc ---------------------------------------------------------------------------------------------------------

FINE = {Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.PERMISSION_DENIED, Code.UNAUTHENTICATED, Code.FAILED_PRECONDITION,
        Code.ALREADY_EXISTS, Code.RESOURCE_EXHAUSTED, Code.OUT_OF_RANGE, Code.ABORTED}
n = 0
for name, where in channels.items():
    service = pb[name + "_pb2"].DESCRIPTOR.services_by_name[name.capitalize()]
    for method in service.methods:
        path = "/%s/%s" % (service.full_name, method.name)
        call = (where.unary_stream if method.server_streaming else where.unary_unary)(path)
        code, error = code_of(lambda: list(call(b"", metadata=ours(), timeout=30)) if method.server_streaming
                              else call(b"", metadata=ours(), timeout=30))
        check("%s, asked for nothing, gives an answer of its rules" % path, code in FINE, (code, error and error.details()))
        check("%s is closed to strangers" % path, code_of(lambda: list(call(b"", timeout=30)) if method.server_streaming
                                                         else call(b"", timeout=30))[0] == Code.UNAUTHENTICATED)
        n += 1
check("that were all of them", n >= 68, n)

# ---- health and reflection ---------------------------------------------------------------------------------------------

health = health_pb2_grpc.HealthStub(channels["user"])
SERVING = health_pb2.HealthCheckResponse.SERVING
for service in ("", "deeplink.v1.User"):
    equal("health of %r" % service, health.Check(health_pb2.HealthCheckRequest(service=service)).status, SERVING)
equal("health of nothing", code_of(lambda: health.Check(health_pb2.HealthCheckRequest(service="x")))[0], Code.NOT_FOUND)
watch = health.Watch(health_pb2.HealthCheckRequest(service="deeplink.v1.User"))
equal("a watch begins with what is so", next(watch).status, SERVING)
watch.cancel()
equal("a watch of nothing says so", next(health.Watch(health_pb2.HealthCheckRequest(service="x"))).status,
      health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)


class Keyed(grpc.StreamStreamClientInterceptor):
    def intercept_stream_stream(self, continuation, details, request):
        return continuation(details._replace(metadata=ours()), request)


database = ProtoReflectionDescriptorDatabase(grpc.intercept_channel(channels["post"], Keyed()))
check("reflection lists the service", "deeplink.v1.Post" in database.get_services(), database.get_services())
described = DescriptorPool(database).FindServiceByName("deeplink.v1.Post")
equal("and describes it as proto/ does", [m.name for m in described.methods],
      [m.name for m in post_pb2.DESCRIPTOR.services_by_name["Post"].methods])

# ---- grpcurl -------------------------------------------------------------------------------------------------------------


def grpcurl(*words):
    key = "authorization: Bearer " + lib.SECRET
    return subprocess.run([os.environ["TEST_GRPCURL"], "-plaintext", "-H", key, *words], capture_output=True, text=True, check=False)


UNIX = lib.address("connection").replace("unix:", "unix://")
if os.path.exists(os.environ.get("TEST_GRPCURL", "")):
    listed = grpcurl(UNIX, "list").stdout.split()
    equal("grpcurl lists what is there", listed, ["deeplink.v1.Connection", "grpc.health.v1.Health",
                                                  "grpc.reflection.v1.ServerReflection"])
    check("and describes it", "rpc StreamFollowers" in grpcurl(UNIX, "describe",
                                                              "deeplink.v1.Connection").stdout)
    answer = grpcurl("-d", json.dumps({"user_ids": [ann]}), UNIX, "deeplink.v1.Connection/GetCounts")
    equal("and calls it", json.loads(answer.stdout or "{}").get("counts", [{}])[0].get("followers"), str(len(ids) - 2))
    refused = grpcurl("-d", json.dumps({"user_id": ann}), UNIX, "deeplink.v1.Connection/ListBlocks")
    check("and shows errors", "PermissionDenied" in refused.stderr, refused.stderr)
else:
    print("skipped: grpcurl is not here, since Go is not (stack/install.sh test)")

# ---- pools that call each other ------------------------------------------------------------------------------------------

# Some of these ask the post pool, whose rules ask the other two; some the connection pool, whose rules ask the user pool; some
# that one, which both wait for. At once, and more than there are workers.
everybody = {name: [lib.channel(name, **{"grpc.x": i}) for i in range(8)] for name in channels}


def ask(i):
    name, n = list(everybody)[i % 3], i % 8
    stub = getattr(pb[name + "_pb2_grpc"], name.capitalize() + "Stub")(everybody[name][n])
    call = {"post": lambda: stub.CreatePost(post_pb2.CreatePostRequest(author_id=bob, text="%d for @stock_%d" % (i, i % 40)),
                                            metadata=ours(bob), timeout=20),
            "connection": lambda: stub.Follow(connection_pb2.EdgeRequest(actor_id=bob, target_id=ids[2 + i % 38]), metadata=ours(bob), timeout=20),
            "user": lambda: stub.ResolveHandles(user_pb2.ResolveHandlesRequest(handles=["stock_%d" % (i % 40)]), metadata=ours(), timeout=20)}[name]
    return code_of(call)[0]


with concurrent.futures.ThreadPoolExecutor(24) as pool:
    codes = list(pool.map(ask, range(600)))
equal("calls that call on are answered, however many at once", set(codes), {Code.OK})
mention = post_pb2.CreatePostRequest(author_id=bob, text="For @stock_3")
equal("a call from within a call may ask what is here", code_of(lambda: connection.GetCounts(counts, metadata=ours(bob, depth=2)))[0], Code.OK)
code, error = code_of(lambda: post.CreatePost(mention, metadata=ours(bob, depth=2)))
equal("but not a third pool", code, Code.INTERNAL)

lib.done()
