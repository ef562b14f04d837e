"""Print an unsigned token, as Kafka's validator for development takes it: NAME SECONDS LOG.

A character in LOG is one token that was asked for.
"""

import json
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path


def unsigned_token(name: str, seconds: float) -> str:
    """Make a token for a user that is good for so long."""
    now = time.time()
    parts = {"alg": "none"}, {"sub": name, "iat": now, "exp": now + seconds, "scope": ""}
    head, claims = (
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    return f"{head}.{claims}."


if __name__ == "__main__":
    user, seconds, log = sys.argv[1:]
    with Path(log).open("a", encoding="utf-8") as asked:
        asked.write(".")
    print(unsigned_token(user, float(seconds)))  # noqa: T201 - that is its purpose
