"""A stock gRPC server (grpcio) that our client calls: tests/service/test_rpc_client.c starts it. Prints its port, and
those where it speaks TLS: with a right certificate, one of another name, of another authority, one that is over, and a
right one that asks for another authority's. Certificates are in FOLDER, its argument. A line `stop` on standard input
ends it after what is at hand, `again` starts it anew on the same port."""
import os
import subprocess
import sys
import threading
import time
from concurrent import futures

import grpc

seen = {"ended": 0}


def unary(request, context):
    name = current(context)
    if name.startswith("Code"):
        context.abort(grpc.StatusCode(next(c.value for c in grpc.StatusCode if c.value[0] == int(name[4:]))),
                      "50 % of Ü\nis: wrong")
    if name == "Slow":
        time.sleep(2)
    if name == "Metadata":
        return "\n".join("%s: %s" % (k, v) for k, v in context.invocation_metadata()).encode()
    if name == "Left":
        return b"%d" % int(context.time_remaining() * 1000)
    if name == "Large":
        return bytes((4 << 20) + 1)
    if name == "Most":
        return bytes(4 << 20)
    if name == "Empty":
        return b""
    if name == "Ended":
        return b"%d" % seen["ended"]
    return request


def stream(request, context):
    name = current(context)
    if name == "Two":
        yield b"a"
        yield b"b"
    elif name == "Count":
        for i in range(int(request)):
            yield b"%d" % i
    elif name == "Fails":
        yield b"a"
        context.abort(grpc.StatusCode.NOT_FOUND, "gone")
    elif name == "Stalls":
        yield b"a"
        time.sleep(2)
    elif name == "Endless":
        def note():
            seen["ended"] += 1
        context.add_callback(note)
        while context.is_active():
            yield bytes(1000)


local = threading.local()


def current(context):
    return local.name


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        def run(fn):
            def inner(request, context):
                local.name = name
                return fn(request, context)
            return inner
        def run_stream(request, context):
            local.name = name
            yield from stream(request, context)
        if name in ("None", "Two", "Count", "Fails", "Stalls", "Endless"):
            return grpc.unary_stream_rpc_method_handler(run_stream)
        if name == "Missing":
            return None
        return grpc.unary_unary_rpc_method_handler(run(unary))


def start(port):
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:%d" % port)
    server.start()
    return server, port


def read(path):
    with open(path, "rb") as f:
        return f.read()


def make(folder, *names, days="365"):
    script = os.path.join(os.environ["TEST_ROOT"], "stack/certificates.sh")
    subprocess.run([script, folder, *names], check=True, env={**os.environ, "DAYS": days})


def sealed(cert, ca):
    """Starts a server with TLS; its port."""
    credentials = grpc.ssl_server_credentials([(read(cert + ".key"), read(cert + ".pem"))], read(ca + "/ca.pem"), True)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    return server, port


folder = sys.argv[1]
other = folder + "/other"
make(folder, "user", "peer", "elsewhere=elsewhere.example")
make(folder, "old", days="-1")
make(other, "peer")
running, number = start(0)
secure = [sealed(cert, ca) for cert, ca in ((folder + "/peer", folder), (folder + "/elsewhere", folder), (other + "/peer", folder),
                                            (folder + "/old", folder), (folder + "/peer", other))]
print(number, *(p for _, p in secure), flush=True)
for line in sys.stdin:
    if line.strip() == "stop":
        running.stop(1).wait()
    if line.strip() == "again":
        running, number = start(number)
    print("done", flush=True)
