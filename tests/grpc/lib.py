"""What the tests of gRPC by stock clients share: stubs made from proto/, channels to the site's pools, checks."""
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time

import grpc

ROOT = os.environ["TEST_ROOT"]
SOCKETS = os.environ["TEST_SOCKETS"]
SECRET = ""  # of a site whose pools show certificates
if os.path.exists(os.environ["TEST_GRPC_SECRET"]):
    SECRET = open(os.environ["TEST_GRPC_SECRET"], encoding="ascii").read().strip()
OUTSIDE = os.environ.get("TEST_GRPC_OUTSIDE", "")
passed, failed = 0, 0


def check(words, ok, seen=None):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s%s" % (words, "" if seen is None else ": %r" % (seen,)))


def equal(words, is_, wanted):
    check("%s: %r instead of %r" % (words, is_, wanted), is_ == wanted)


def done():
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(0 if failed == 0 else 1)


def stubs():
    """The modules user_pb2, user_pb2_grpc … of proto/deeplink/v1, as a dict."""
    out = os.path.join(os.environ["TEST_DIR"], "stubs")
    if not os.path.isdir(out):
        os.makedirs(out)
        names = ["deeplink/v1/%s" % f for f in sorted(os.listdir(ROOT + "/proto/deeplink/v1")) if f.endswith(".proto")]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I" + ROOT + "/proto", "-I/usr/include",
                        "--python_out=" + out, "--grpc_python_out=" + out, "protobuf-c/protobuf-c.proto"] + names,
                       check=True, stderr=subprocess.DEVNULL)
    sys.path.insert(0, out)
    modules = {}
    for name in ("user", "post", "connection", "rpc"):
        for kind in ("pb2", "pb2_grpc"):
            modules["%s_%s" % (name, kind)] = importlib.import_module("deeplink.v1.%s_%s" % (name, kind))
    return modules


def address(service):
    return "unix:%s/grpc-%s.sock" % (SOCKETS, service)


def channel(service, **options):
    return grpc.insecure_channel(address(service), options=[("grpc.use_local_subchannel_pool", 1)] + list(options.items()))


def ours(viewer=0, depth=1, secret=SECRET):
    """Metadata as one of our services sends it."""
    key = (("authorization", "Bearer " + secret),) if secret else ()
    return key + (("deeplink-viewer", str(viewer)), ("deeplink-depth", str(depth)),
            ("deeplink-request", "from-the-test"), ("deeplink-ip", "192.0.2.9"), ("deeplink-language", "en"))


def certificates(folder, *names, days=365):
    """What stack/certificates.sh makes of those names, in a folder below the test's own."""
    path = os.path.join(os.environ["TEST_DIR"], folder)
    subprocess.run([ROOT + "/stack/certificates.sh", path, *names], check=True, env={**os.environ, "DAYS": str(days)})
    return path


def code_of(call):
    """The status of a call, and its error."""
    try:
        call()
        return grpc.StatusCode.OK, None
    except grpc.RpcError as e:
        return e.code(), e


def deeplink(*words):
    """A subcommand of deeplink on the site's configuration."""
    return subprocess.run([os.environ["TEST_DEEPLINK"], "--config", os.environ["TEST_CONFIG"], *words], check=True,
                          capture_output=True, text=True).stdout


@contextlib.contextmanager
def stopped(pool):
    """Meanwhile a pool's processes stand still: they take connections, and answer nothing."""
    master = open("%s/%s.pid" % (os.environ["TEST_SITE"], pool), encoding="ascii").read().strip()
    workers = open("/proc/%s/task/%s/children" % (master, master), encoding="ascii").read().split()
    every = [int(pid) for pid in [master] + workers]
    for pid in every:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in every:
            os.kill(pid, signal.SIGCONT)


def until(words, fn, seconds=20):
    end = time.monotonic() + seconds
    while not fn():
        if time.monotonic() > end:
            check(words, False)
            return
        time.sleep(0.02)
    check(words, True)
