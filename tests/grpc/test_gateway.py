"""gRPC for programs from outside, through nginx (nginx/snippets/grpc.conf): what is public, with the right key, and in
nobody's name, whatever is claimed."""
# harness: set grpc_outside_secret = a-key-for-programs-outside
import os
import socket
import subprocess

import grpc

import lib
from lib import code_of, equal, ours

pb = lib.stubs()
connection_pb2 = pb["connection_pb2"]
Code = grpc.StatusCode
OUTSIDE = (("authorization", "Bearer a-key-for-programs-outside"),)
folder = os.environ["TEST_SITE"] + "/nginx-grpc"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nginx(verb, *words):
    subprocess.run([lib.ROOT + "/stack/nginx.sh", verb, folder, *words], check=True)


lib.deeplink("user", "create", "gate_ann", "--email", "gate_ann@example.org")
port = free_port()
nginx("start", "listen=127.0.0.1:%d" % free_port(), "app=%s/fcgi.sock" % lib.SOCKETS, "static=" + folder, "pages=" + folder,
      "grpc=%s/grpc-connection.sock" % lib.SOCKETS, "grpc_listen=127.0.0.1:%d" % port)
try:
    stub = pb["connection_pb2_grpc"].ConnectionStub(grpc.insecure_channel("127.0.0.1:%d" % port))
    counts = connection_pb2.GetCountsRequest(user_ids=[1])
    follow = connection_pb2.EdgeRequest(actor_id=1, target_id=2)
    ids = connection_pb2.IdsRequest(user_id=1)
    equal("with its key a program is answered", code_of(lambda: stub.GetCounts(counts, metadata=OUTSIDE))[0], Code.OK)
    equal("without one it is not", code_of(lambda: stub.GetCounts(counts))[0], Code.UNAUTHENTICATED)
    equal("the key of services is none here", code_of(lambda: stub.GetCounts(counts, metadata=ours(1)))[0], Code.UNAUTHENTICATED)
    equal("nor is a member's token, where grpc_tokens does not say so", code_of(lambda: stub.GetCounts(
        counts, metadata=(("authorization", "Bearer " + lib.deeplink("user", "token", "gate_ann", "--scopes", "read write").strip()),)))[0],
          Code.UNAUTHENTICATED)
    equal("nobody acts", code_of(lambda: stub.Follow(follow, metadata=OUTSIDE))[0], Code.PERMISSION_DENIED)
    equal("nobody acts in a name", code_of(lambda: stub.Follow(follow, metadata=ours(1, secret="a-key-for-programs-outside")))[0],
          Code.PERMISSION_DENIED)
    equal("nobody reads what is not public", code_of(lambda: list(stub.StreamFollowers(ids, metadata=OUTSIDE)))[0], Code.PERMISSION_DENIED)
    equal("what is no service of ours is not passed on", code_of(lambda: grpc.insecure_channel("127.0.0.1:%d" % port).unary_unary(
        "/grpc.health.v1.Health/Check")(b""))[0], Code.UNIMPLEMENTED)
finally:
    nginx("stop")
lib.done()
