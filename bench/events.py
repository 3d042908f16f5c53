"""The backlog of the events' consumers, as the site's own metrics say it."""
import http.client
import re
import sys
import time

PATIENCE_S = 5


class Events:
    def __init__(self, address):
        self.http = http.client.HTTPConnection(address, timeout=20)
        self.stuck = 0

    def metrics(self):
        try:
            self.http.request("GET", "/metrics")
            return self.http.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            self.http.close()
            return ""

    def sum(self, name):
        """The values of all metrics of this name together; None when there is none."""
        found = re.findall(r"^%s(?:\{[^}]*\})? (\d+)" % name, self.metrics(), re.M)
        return sum(map(int, found)) if found else None

    def drain(self):
        """Waits until every event is handled. Seconds it took. What stays for long is not waited for again."""
        began = moved = time.monotonic()
        before = None
        while (waiting := self.sum("deeplink_events_waiting")) is None or waiting > self.stuck:
            if waiting != before:
                moved, before = time.monotonic(), waiting
            if time.monotonic() > moved + PATIENCE_S:
                print(f"bench: {waiting} events are not handled; see the log of deeplink work", file=sys.stderr)
                self.stuck = waiting or 0
                break
            time.sleep(0.02)
        return time.monotonic() - began
