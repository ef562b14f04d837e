"""Print an unsigned token, as Kafka’s validator for development takes it: NAME SECONDS LOG.

A character in LOG is one token that was asked for.
"""

import json
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path

name, seconds, log = sys.argv[1:]
now = time.time()
parts = {"alg": "none"}, {"sub": name, "iat": now, "exp": now + float(seconds), "scope": ""}
head, claims = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
with Path(log).open("a", encoding="utf-8") as asked:
    asked.write(".")
print(f"{head}.{claims}.")  # noqa: T201 - that is its purpose
