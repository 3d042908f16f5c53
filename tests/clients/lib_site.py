"""What the Python tests of clients share: members, a walk through forms as a browser without script does it, checks with a count."""
import html.parser
import os
import subprocess
import sys
import urllib.parse

import requests

BASE = os.environ["TEST_BASE_URL"]
PASSWORD = "quiet meadow lantern"
DEEPLINK = [os.environ["TEST_DEEPLINK"], "--config", os.environ["TEST_CONFIG"]]
counts = {"passed": 0, "failed": 0}


def deeplink(*words):
    return subprocess.run(DEEPLINK + list(words), check=True, capture_output=True, text=True).stdout.strip()


def make_member(handle, role="member"):
    deeplink("user", "create", handle, "--email", handle + "@example.org", "--name", handle.title(), "--password", PASSWORD,
             "--role", role)


def make_token(handle, scopes="read write follow"):
    return deeplink("user", "token", handle, "--scopes", scopes)


def check(name, condition, about=""):
    counts["passed" if condition else "failed"] += 1
    if not condition:
        print("FAILED: %s: %s" % (name, about))
    return bool(condition)


def equal(name, actual, expected):
    return check(name, actual == expected, "%r instead of %r" % (actual, expected))


def raises(name, kind, fn, *args, **kwargs):
    try:
        fn(*args, **kwargs)
    except Exception as e:  # the right one is the point
        return check(name, type(e) is kind, "%r instead of %s" % (e, kind.__name__))
    return check(name, False, "nothing was raised")


def finish():
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]))
    sys.exit(1 if counts["failed"] else 0)


class Forms(html.parser.HTMLParser):
    """The forms of a page: action, and fields as they would be sent untouched."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "fields": []})
        elif tag == "input" and self.forms and a.get("name") and (a.get("type") not in ("checkbox", "radio") or "checked" in a):
            self.forms[-1]["fields"].append((a["name"], a.get("value") or ""))

    def by_action(self, action):
        return next(f for f in self.forms if f["action"] == action)


class Browser:
    """A member at a browser without script."""

    def __init__(self):
        self.session = requests.Session()

    def get(self, path, **kwargs):
        return self.session.get(urllib.parse.urljoin(BASE, path), **kwargs)

    def submit(self, page, action, **changes):
        form = Forms(page.text).by_action(action)
        fields = [(k, v) for k, v in form["fields"] if k not in changes] + list(changes.items())
        return self.session.post(urllib.parse.urljoin(BASE, action), data=fields, allow_redirects=False)

    def log_in(self, handle):
        answer = self.submit(self.get("/login"), "/login", login=handle, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return self

    def consent(self, url):
        """Presses "allow" on the page that an app leads to; gives where the site leads back to, or the page with the code."""
        page = self.get(url)
        assert page.status_code == 200, page.text
        return self.submit(page, "/oauth/authorize", decision="allow")


def code_of(page):
    """The code of a consent without an address to go back to."""
    return next(v for form in [Codes(page.text)] for v in form.codes)


class Codes(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.codes = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "input" and a.get("id") == "code":
            self.codes.append(a["value"])
