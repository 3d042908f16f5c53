"""Services that call each other over TLS, by certificates alone: the site as a whole, stock clients with a certificate,
whoever has none or a wrong one, handshakes that never end, new certificates without a pause."""
# harness: tls
# harness: set rate_limits = no
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import warnings

import grpc

import lib
from lib import check, code_of, equal, ours, until

Code = grpc.StatusCode
pb = lib.stubs()
connection_pb2, post_pb2, user_pb2 = pb["connection_pb2"], pb["post_pb2"], pb["user_pb2"]
SITE = os.environ["TEST_SITE"]
TLS = SITE + "/secrets/tls"
PORT = {f[5:-5]: int(open(SITE + "/secrets/" + f, encoding="ascii").read()) for f in os.listdir(SITE + "/secrets")
        if f.startswith("grpc-") and f.endswith(".port")}
COUNTS = connection_pb2.GetCountsRequest(user_ids=[1])


def pid(name):
    return int(open(SITE + ("/serve.pid" if name == "post" else "/serve-%s.pid" % name), encoding="ascii").read())


def workers(name="connection"):
    return sorted(open("/proc/%d/task/%d/children" % (pid(name), pid(name)), encoding="ascii").read().split())


def read(path):
    with open(path, "rb") as f:
        return f.read()


def channel(folder, name="user", port=PORT["connection"], host="localhost"):
    credentials = grpc.ssl_channel_credentials(read(folder + "/ca.pem"), read(folder + "/%s.key" % name), read(folder + "/%s.pem" % name))
    return grpc.secure_channel("%s:%d" % (host, port), credentials, options=[("grpc.use_local_subchannel_pool", 1)])


def counts(where, metadata=()):
    return code_of(lambda: pb["connection_pb2_grpc"].ConnectionStub(where).GetCounts(COUNTS, metadata=metadata, timeout=10))[0]


# ---- the site as a whole -------------------------------------------------------------------------------------------------

shapes = subprocess.run(["node", lib.ROOT + "/tests/http/test_shapes.mjs"], capture_output=True, text=True, check=False)
check("a site over TLS answers as one pool does, byte for byte", shapes.returncode == 0, shapes.stdout[-600:] + shapes.stderr[-600:])

# ---- who has a certificate is a service ------------------------------------------------------------------------------------

with channel(TLS) as good, channel(TLS, port=PORT["user"]) as users:
    equal("grpcio calls with a certificate, and no secret", counts(good), Code.OK)
    ann, bob = pb["user_pb2_grpc"].UserStub(users).CreateUsers(user_pb2.CreateUsersRequest(users=[user_pb2.CreateUserRequest(
        handle=h, email=h + "@example.org", name=h, role="member", discoverable=True) for h in ("sealed_ann", "sealed_bob")])).ids
    stub = pb["connection_pb2_grpc"].ConnectionStub(good)
    equal("and acts as a service does, which asks another pool", code_of(lambda: stub.Follow(
        connection_pb2.EdgeRequest(actor_id=ann, target_id=bob), metadata=ours(ann)))[0], Code.OK)
    equal("but what a gateway brings is from outside", code_of(lambda: stub.GetCounts(
        COUNTS, metadata=(("deeplink-outside", "1"),)))[0], Code.UNAUTHENTICATED)
if os.path.exists(os.environ.get("TEST_GRPCURL", "")):
    said = subprocess.run([os.environ["TEST_GRPCURL"], "-cacert", TLS + "/ca.pem", "-cert", TLS + "/post.pem", "-key", TLS + "/post.key",
                           "localhost:%d" % PORT["user"], "list"], capture_output=True, text=True, check=False)
    check("grpcurl too", "deeplink.v1.User" in said.stdout, said.stderr)

# ---- who has none is nobody ------------------------------------------------------------------------------------------------


def context(folder=None, name="user", alpn=("h2",)):
    c = ssl.create_default_context(cafile=TLS + "/ca.pem")
    if folder is not None:
        c.load_cert_chain(folder + "/%s.pem" % name, folder + "/%s.key" % name)
    if alpn:
        c.set_alpn_protocols(list(alpn))
    return c


def speak(c):
    """What a server says to an HTTP/2 preface: its bytes, or why it says nothing."""
    try:
        with socket.create_connection(("localhost", PORT["connection"]), 10) as plain:
            plain.settimeout(10)
            with c.wrap_socket(plain, server_hostname="localhost") as s:
                s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                return s.recv(65536)
    except OSError as e:
        return str(e) or type(e).__name__


def is_refused(words, c, why):
    said = speak(c)
    check("%s is refused" % words, isinstance(said, str) and why in said.lower(), said)


check("who has a certificate is greeted", isinstance(speak(context(TLS)), bytes), speak(context(TLS)))
other, old = lib.certificates("other", "user"), os.path.join(os.environ["TEST_DIR"], "old")
os.makedirs(old)
for name in ("ca.pem", "ca.key"):
    shutil.copy(TLS + "/" + name, old)
lib.certificates("old", "user", days=-1)
is_refused("no certificate", context(), "certificate required")
is_refused("one that another authority signed", context(other), "unknown ca")
is_refused("one whose time is over", context(old), "expired")
is_refused("another protocol", context(TLS, alpn=("http/1.1",)), "no application protocol")
check("none at all, too", isinstance(speak(context(TLS, alpn=())), str) or speak(context(TLS, alpn=())) == b"", speak(context(TLS, alpn=())))
old_tls = context(TLS)
old_tls.set_ciphers("ALL:@SECLEVEL=0")
warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is what is tested
old_tls.minimum_version = old_tls.maximum_version = ssl.TLSVersion.TLSv1_1
is_refused("TLS 1.1", old_tls, "version")
weak = context(TLS)
weak.maximum_version = ssl.TLSVersion.TLSv1_2
check("TLS 1.2 is enough", isinstance(speak(weak), bytes), speak(weak))
weak.set_ciphers("AES128-SHA")
is_refused("a cipher without forward secrecy", weak, "handshake failure")
with channel(other) as wrong:
    equal("grpcio with another's certificate does not get through", counts(wrong), Code.UNAVAILABLE)
with grpc.insecure_channel("localhost:%d" % PORT["connection"]) as plain:
    equal("nor without TLS", counts(plain), Code.UNAVAILABLE)

# ---- handshakes that never end -----------------------------------------------------------------------------------------------

before, slowest, wrong_calls, stop = workers(), 0.0, [], threading.Event()


def right_client():
    global slowest
    while not stop.is_set():
        begun = time.monotonic()
        with channel(TLS, name="post") as c:
            if counts(c) != Code.OK:
                wrong_calls.append(time.monotonic() - begun)
        slowest = max(slowest, time.monotonic() - begun)


asking = threading.Thread(target=right_client)
asking.start()
HELLO = b"\x16\x03\x01\x02\0\x01\0\1\xfc\3\3" + bytes(60)
kept = [socket.create_connection(("localhost", PORT["connection"])) for _ in range(200)]
for turn in range(20):  # byte by byte, two hundred of them
    for s in kept:
        s.sendall(HELLO[turn:turn + 1])
    time.sleep(0.05)
for data in (b"\x16\x03\x01\xff\xff", os.urandom(4000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x15\x03\x03\0\2\2\0" * 2000, b"\x80" * 70000):
    for s in (socket.create_connection(("localhost", PORT["connection"])) for _ in range(20)):
        try:
            s.sendall(data)
        except OSError:
            pass
        kept.append(s)
time.sleep(0.5)
stop.set()
asking.join()
check("nobody waits for those", slowest < 2, slowest)
equal("and all are answered", wrong_calls, [])
equal("by the workers that were there", workers(), before)
gone = kept[0]
gone.settimeout(20)
try:
    said = gone.recv(100)
except ConnectionResetError:
    said = b""
equal("who does not come to an end is sent away", said, b"")
for s in kept:
    s.close()

# ---- certificates and a secret -----------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


both = free_port()
environment = {**os.environ, "DEEPLINK_GRPC_LISTEN": "grpcs://127.0.0.1:%d" % both, "DEEPLINK_GRPC_SECRET": "both-are-asked-for-here",
               "DEEPLINK_GRPC_CA": TLS + "/ca.pem", "DEEPLINK_GRPC_CERT": TLS + "/connection.pem",
               "DEEPLINK_GRPC_KEY": TLS + "/connection.key", "DEEPLINK_LISTEN": "unix:%s/both.sock" % os.environ["TEST_DIR"],
               "DEEPLINK_WORKERS": "1", "DEEPLINK_PID_FILE": os.environ["TEST_DIR"] + "/both.pid"}
COMMAND = [os.environ["TEST_DEEPLINK"], "--config", os.environ["TEST_CONFIG"]]
with open(os.environ["TEST_DIR"] + "/both.log", "w", encoding="utf-8") as log:
    pool = subprocess.Popen(COMMAND + ["serve"], env=environment, stderr=log)
try:
    with channel(TLS, port=both) as c:
        until("a pool that asks for both is there", lambda: counts(c, ours(secret="both-are-asked-for-here")) == Code.OK)
        equal("a certificate alone is not enough there", counts(c), Code.UNAUTHENTICATED)
    with channel(other, port=both) as c:
        equal("nor is the secret", counts(c, ours(secret="both-are-asked-for-here")), Code.UNAVAILABLE)
finally:
    pool.terminate()
    pool.wait(30)

# ---- what the operator is told -----------------------------------------------------------------------------------------------


def doctor(name, **settings):
    said = subprocess.run(COMMAND + ["doctor", "--json"], env={**environment, **settings}, capture_output=True, text=True, check=False).stdout
    return next((c["verdict"], c["words"]) for c in json.loads(said) if c["name"] == name)


verdict, words = doctor("certificates")
check("good certificates are good, and named", verdict == "ok" and "localhost" in words and "127.0.0.1" in words
      and "grpc_cert: good for 364 days" in words and "grpc_ca: good for 36" in words, words)
lib.certificates("short", "user", days=3)
short = os.environ["TEST_DIR"] + "/short/"
for words, wanted, settings in (
        ("those that end soon are a warning", "warning", {"CA": short + "ca.pem", "CERT": short + "user.pem", "KEY": short + "user.key"}),
        ("those that ended are broken", "broken", {"CERT": old + "/user.pem", "KEY": old + "/user.key"}),
        ("another's are", "broken", {"CERT": other + "/user.pem", "KEY": other + "/user.key"}),
        ("and a key that is another's", "broken", {"KEY": other + "/user.key"}),
        ("and a file that is none", "broken", {"CA": "/dev/null"})):
    found = doctor("certificates", **{"DEEPLINK_GRPC_" + k: v for k, v in settings.items()})
    check(words, found[0] == wanted, found)
check("calls in the open are a warning", doctor("grpc", DEEPLINK_SERVICE_USER="grpc://192.0.2.1:9000")[0] == "warning")
checked = subprocess.run(COMMAND + ["config", "check"], env={**environment, "DEEPLINK_SERVICE_USER": "grpc://192.0.2.1:9000"},
                         capture_output=True, text=True, check=False)
check("said by `config check` too", "service_user: grpc://192.0.2.1:9000: " in checked.stdout, checked.stdout)

# ---- new certificates --------------------------------------------------------------------------------------------------------

before_reload = os.path.join(os.environ["TEST_DIR"], "before")
shutil.copytree(TLS, before_reload)
names = list(PORT)


def owned(path):
    stat = os.stat(SITE + "/secrets")
    os.chown(path, stat.st_uid, stat.st_gid)


def reload():
    for name in names:
        os.kill(pid(name), signal.SIGHUP)


log_at = os.path.getsize(SITE + "/log/serve-connection.log")
with open(TLS + "/connection.pem", "w", encoding="ascii") as f:
    f.write("none\n")
os.kill(pid("connection"), signal.SIGHUP)
until("a file that is wrong is said in the log", lambda: b"grpc_cert" in read(SITE + "/log/serve-connection.log")[log_at:])
with channel(before_reload) as c:
    equal("and leaves those at work who are there", counts(c), Code.OK)
for file in os.listdir(TLS):
    os.remove(TLS + "/" + file)
subprocess.run([lib.ROOT + "/stack/certificates.sh", TLS, *names], check=True)
for file in os.listdir(TLS):
    owned(TLS + "/" + file)
reload()


def answers(folder, name):
    with channel(folder, port=PORT[name]) as c:
        return code_of(lambda: c.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5))[0] == Code.OK


for name in names:
    until("a reload takes new certificates: %s" % name, lambda: answers(TLS, name) and not answers(before_reload, name), 60)
with channel(TLS, name="connection", port=PORT["post"]) as c:
    stub = pb["post_pb2_grpc"].PostStub(c)
    until("and the pools call each other by them", lambda: code_of(lambda: stub.CreatePost(
        post_pb2.CreatePostRequest(author_id=ann, text="Sealed anew for @sealed_bob"), metadata=ours(ann), timeout=10))[0] == Code.OK, 30)
lib.done()
