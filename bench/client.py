"""HTTP for the benches: requests as bytes, sent by the load generator."""
import json
import os
import re
import subprocess
import tempfile
from collections import namedtuple
from urllib.parse import urlencode

Answer = namedtuple("Answer", "status head body")
HEADERS = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en\r\n"
)


class Request:
    """One request. `kind` (0 to 7) is what it is counted under; `status` is what is expected; `token`: of a program,
    in place of the cookie."""

    def __init__(self, path, cookie="", form=None, kind=0, status=None, token=""):
        self.path = path
        self.cookie = cookie
        self.token = token
        self.form = form
        self.kind = kind
        self.status = status or (200 if form is None else 303)

    def instead(self, path, with_form=True):
        """The same, asked of another address."""
        return Request(path, self.cookie, self.form if with_form else None, self.kind,
                       self.status if with_form else 200, self.token)

    def encoded(self, host):
        body = b"" if self.form is None else urlencode(self.form).encode()
        head = f"{'GET' if self.form is None else 'POST'} {self.path} HTTP/1.1\r\nHost: {host}\r\n{HEADERS}"
        if self.cookie:
            head += f"Cookie: {self.cookie}\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        if self.form is not None:
            head += (f"Origin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n"
                     f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n")
        data = head.encode() + b"\r\n" + body
        return b"REQUEST %d %d %d\n" % (self.kind, self.status, len(data)) + data + b"\n"


class Client:
    def __init__(self, program, address, connections):
        self.program = program
        self.address = address
        self.connections = connections
        self.folder = tempfile.TemporaryDirectory(prefix="dl-bench-client-")

    def file(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, requests):
        """Keeps requests in a file for run()."""
        path = self.file(name)
        with open(path, "wb") as f:
            for request in requests:
                f.write(request.encoded(self.address))
        return path

    def run(self, path, *options, connections=None):
        command = [self.program, "-c", str(connections or self.connections), *options, self.address, path]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)

    def load(self, path, seconds, start=0):
        """Sends the requests of the file over and over; what came of it as the load generator says it."""
        return self.run(path, "-d", str(seconds), "-s", str(start))

    def ask(self, requests, connections=8):
        """Sends each once. Returns the answers in this order; None where the status is not as expected."""
        saved = self.file("answers")
        self.run(self.write("ask", requests), "-1", "-o", saved, connections=connections)
        answers = [None] * len(requests)
        with open(saved, "rb") as f:
            while words := f.readline().split():
                number, status, head, body = map(int, words[1:])
                head, body = f.read(head).decode("latin-1"), f.read(body).decode("utf-8", "replace")
                answer = Answer(status, head, body)
                f.read(1)
                if status == requests[number].status:
                    answers[number] = answer
        return answers

    def get(self, path, cookie="", status=200):
        answer = self.ask([Request(path, cookie, status=status)], connections=1)[0]
        if answer is None:
            raise SystemExit(f"bench: {path} was not answered as expected")
        return answer


def cookie_of(answer, name):
    """NAME=VALUE of a cookie that an answer sets, or None."""
    match = answer and re.search(r"^set-cookie: *((?:__Host-)?%s=[^;\r\n]+)" % name, answer.head, re.I | re.M)
    return match.group(1) if match else None


def form_token(answer):
    match = answer and re.search(r'name="?csrf"? value="?([\w-]+)', answer.body)
    return match.group(1) if match else None
