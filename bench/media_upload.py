#!/usr/bin/env python3
"""Uploads a picture once, as an app does: media_upload.py ADDRESS TOKEN FILE.

Prints two numbers of ms since the request began: until it is answered, and until the medium is ready. Used by
bench/media.sh.
"""
import http.client
import json
import sys
import time
from urllib.parse import urlsplit

LOOK_S = 0.005
BOUNDARY = "----photo"


def form(content):
    head = ('--%s\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n" % BOUNDARY)
    return head.encode() + content + ("\r\n--%s--\r\n" % BOUNDARY).encode()


class Site:
    def __init__(self, address, token):
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self.headers = {"Authorization": "Bearer " + token}

    def ask(self, method, path, body=None, **headers):
        self.connection.request(method, path, body, {**self.headers, **headers})
        reply = self.connection.getresponse()
        return reply.status, reply.read()


def expect(status, wanted, body):
    if status not in wanted:
        sys.exit("the answer is %d: %s" % (status, body.decode(errors="replace")))


def main():
    address, token, path = sys.argv[1:]
    with open(path, "rb") as f:
        body = form(f.read())
    site = Site(address, token)
    site.ask("GET", "/livez")  # so that the connection is there
    begun = time.monotonic()
    status, text = site.ask("POST", "/api/v2/media", body,
                            **{"Content-Type": "multipart/form-data; boundary=" + BOUNDARY})
    answered = time.monotonic()
    expect(status, (200, 202), text)
    place = "/api/v1/media/" + json.loads(text)["id"]
    while (status := site.ask("GET", place)[0]) == 206:
        time.sleep(LOOK_S)
    expect(status, (200,), b"")
    print("%d %d" % ((answered - begun) * 1000, (time.monotonic() - begun) * 1000))


main()
