"""The stand-in's log: JSON lines, as a service's are."""

import json
import time


def say(message: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = {"time": now, "level": "info", "service": "stand-in", "message": message}
    print(json.dumps(line), flush=True)
