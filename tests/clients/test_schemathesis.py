# Schemathesis against a running site and its own description, with all its checks, stateful too: no 5xx, no status or schema
# that is not described, no way past the token.
# harness: long
# harness: set rate_limits = no
import os
import subprocess
import sys

BASE = os.environ["TEST_BASE_URL"]
SECONDS = os.environ.get("SCHEMATHESIS_SECONDS", "120")
CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemathesis.toml")
DEEPLINK = [os.environ["TEST_DEEPLINK"], "--config", os.environ["TEST_CONFIG"]]


def deeplink(*words):
    return subprocess.run(DEEPLINK + list(words), check=True, capture_output=True, text=True).stdout.strip()


def member(handle, role="member", scopes="read write follow"):
    deeplink("user", "create", handle, "--email", handle + "@example.org", "--password", "quiet meadow lantern", "--role", role)
    return deeplink("user", "token", handle, "--scopes", scopes)


def run(name, *words):
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run", BASE + "/api/openapi.json", "--no-color",
               "--max-time", SECONDS, *words, *os.environ.get("X_ARGS", "").split()]
    print("----", name, flush=True)
    return subprocess.run(command, cwd=os.environ["TEST_DIR"], check=False).returncode == 0


def main():
    token = member("fuzzer", "admin", "read write follow admin:read admin:write")
    member("other")
    passed = [run("with a token", "-H", "Authorization: Bearer " + token,
                  "--exclude-name", "DELETE /api/deeplink/v1/me/sessions"), # which takes the token away from all that follows
              run("without a token")]
    print("%d passed, %d failed" % (passed.count(True), passed.count(False)))
    sys.exit(0 if all(passed) else 1)


main()
