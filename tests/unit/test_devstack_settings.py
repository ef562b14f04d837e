import pytest

from devstack.errors import DevstackError
from devstack.services import url_host
from devstack.settings import read_settings, read_settings_of_running


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("API_PORT", "ADMIN_PORT", "WORKERS", "API_PREFIX", "DATABASE_URL", "STATE_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("API_PORT", "")
    assert (read_settings().database_url, read_settings().api_port) == (None, 8000)


def test_the_operators_have_a_port_of_their_own_where_one_is_named(monkeypatch):
    monkeypatch.setenv("ADMIN_PORT", "")
    assert read_settings().admin_port is None
    monkeypatch.setenv("ADMIN_PORT", "0")
    assert read_settings().admin_port == 0


def test_a_relative_state_folder_is_where_the_command_was_given(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE_DIR", "here")
    assert read_settings().state_dir == tmp_path / "here"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "http"),
        ("API_PORT", "-1"),
        ("API_PORT", "65536"),
        ("WORKERS", "0"),
        ("API_PREFIX", "api"),
        ("API_PREFIX", "/api/"),
        ("API_PREFIX", "/.."),
        ("KAFKA_PORT", "70000"),
        ("POSTGRES_PORT", "70000"),
        ("ADMIN_PORT", "http"),
        ("DRAIN_SECONDS", "soon"),
        ("DRAIN_SECONDS", "nan"),
        ("DRAIN_SECONDS", "-1"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(DevstackError, match=f"{name} is '{value}'"):
        read_settings()


def test_a_stack_that_runs_can_be_ended_whatever_else_is_wrong(monkeypatch, tmp_path):
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://a/b")
    monkeypatch.setenv("WORKERS", "x")
    told = read_settings_of_running()
    assert (told.state_dir, told.database_url) == (tmp_path, "postgresql://a/b")


@pytest.mark.parametrize("name", ["\udcff", "two\nlines"])
def test_a_state_folder_that_no_program_can_print_is_refused(monkeypatch, name):
    monkeypatch.setenv("STATE_DIR", f"/tmp/{name}")  # noqa: S108 - it is only named
    with pytest.raises(DevstackError, match=r"^STATE_DIR is .*: give a name of printable letters$"):
        read_settings()


@pytest.mark.parametrize(
    ("bound_to", "host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]")],  # noqa: S104
)
def test_a_url_names_an_address_that_can_be_connected_to(bound_to, host):
    assert url_host(bound_to) == host
