"""The question that a health check asks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shared.http.probe import is_ready


@contextmanager
def a_service(status: int) -> Iterator[str]:
    """Serve one readiness, and nothing else, on a port of its own."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(("status", "expected"), [(200, True), (503, False), (404, False)])
def test_ready_is_a_200_alone(status: int, *, expected: bool):
    with a_service(status) as url:
        assert is_ready(f"{url}/readyz") is expected


def test_a_service_that_does_not_answer_is_not_ready():
    with a_service(200) as url:
        pass

    assert not is_ready(f"{url}/readyz")


def test_no_proxy_is_asked_about_a_service_of_the_same_container(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    with a_service(200) as url:
        assert is_ready(f"{url}/readyz")
