"""Ask whether a service is ready: `python -m shared.http.probe http://127.0.0.1:8000/readyz`.

For health checks inside a container: it imports next to nothing, and asks no proxy.
"""

import http.client
import sys
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 5.0


def is_ready(url: str) -> bool:
    """Whether the answer is a 200, degraded or not."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(sys.argv[1]) else 1)
