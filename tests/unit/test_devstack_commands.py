"""`make up`, `make status`, `make down` and `make dev`, without the servers."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from devstack import commands, control, dev
from devstack.description import SOURCES, description_path, source_fingerprint, write_description
from devstack.errors import DevstackError
from devstack.installation import CHECKOUT
from devstack.processes import Process
from devstack.roster import Role
from devstack.settings import Settings, read_settings


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    return read_settings()


@pytest.fixture
def running(settings: Settings, url: str) -> Settings:
    """A stack that is this process, with a worker that is ready."""
    control.roster_of(settings).add(Role.WORKER, Process.of_this_process())
    describe(settings, url, source=source_fingerprint())
    return settings


def describe(settings: Settings, url: str, *, source: str) -> None:
    description = {"api_url": url, "worker_urls": [url], "source": source}
    write_description(settings.state_dir, description)


def test_a_stack_that_runs_is_described_again_and_not_started(running: Settings, capsys):
    assert commands.up(running) == 0
    said = capsys.readouterr()
    assert said.err == "it runs already (`make down` ends it)\n"
    assert said.out == description_path(running.state_dir).read_text()


def test_up_after_an_edit_says_that_what_runs_is_older(running: Settings, url: str, capsys):
    describe(running, url, source="of another day")
    assert commands.up(running) == 0
    assert "`make down up` starts it with what is there now" in capsys.readouterr().err


def test_the_status_of_a_stack_names_its_processes_its_addresses_and_its_logs(
    running: Settings, url: str, capsys
):
    assert control.status(running) == 0
    out = capsys.readouterr().out
    assert f"process {Process.of_this_process().pid}" in out
    assert f"{url}  ready" in out
    assert str(running.log_dir) in out


def test_a_port_of_the_operators_is_asked_and_named_too(running: Settings, url: str, capsys):
    description = {"api_url": url, "admin_url": f"{url}/nowhere", "worker_urls": [], "source": ""}
    write_description(running.state_dir, description)
    assert control.status(running) == 1
    assert f"{url}/nowhere  not ready (404)" in capsys.readouterr().out


def test_a_stack_that_is_not_ready_has_another_exit_status(running: Settings, url: str, capsys):
    describe(running, f"{url}/elsewhere", source="")
    assert control.status(running) == 1
    assert "not ready (404)" in capsys.readouterr().out


def test_a_stack_of_which_a_process_is_gone_is_not_ready(running: Settings, capsys):
    control.roster_of(running).add(Role.API, Process(1, 0))
    assert control.status(running) == 1
    assert "is gone" in capsys.readouterr().out


@pytest.mark.parametrize("command", [control.logs, control.psql])
def test_what_does_not_run_has_neither_logs_nor_a_database(command, settings: Settings):
    with pytest.raises(DevstackError, match="make up"):
        command(settings)


def test_services_that_start_again_are_told_with_what_has_changed(capsys):
    dev.restart(lambda: None, [CHECKOUT / "api_service" / "app.py"])
    assert capsys.readouterr().err.startswith("api_service/app.py: restarted in ")


def test_services_that_do_not_start_wait_for_the_next_change(capsys):
    def fail() -> None:
        raise DevstackError("api-1 left with status 1: SyntaxError")

    dev.restart(fail, [CHECKOUT / "shared" / "sql.py"])
    assert capsys.readouterr().err == "shared/sql.py: api-1 left with status 1: SyntaxError\n"


def test_the_folders_that_are_watched_are_there():
    assert all((CHECKOUT / folder).is_dir() for folder in SOURCES)
