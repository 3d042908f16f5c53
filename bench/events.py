"""The backlog of the events' consumers, as the site's own metrics say it."""
import http.client
import re
import sys
import time

PATIENCE_S = 30


class Events:
    def __init__(self, address):
        self.http = http.client.HTTPConnection(address, timeout=20)

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
        """Waits until every event is handled. Seconds it took; a long time when it took too long."""
        began = time.monotonic()
        while (waiting := self.sum("deeplink_events_waiting")) != 0:
            if time.monotonic() > began + PATIENCE_S:
                print(f"bench: {waiting} events are not handled after {PATIENCE_S} s", file=sys.stderr)
                break
            time.sleep(0.02)
        return time.monotonic() - began
