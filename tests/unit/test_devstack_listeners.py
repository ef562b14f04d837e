"""The sockets of the API: one, or two where operators have a port of their own."""

import socket
from contextlib import closing
from dataclasses import replace

import pytest

from devstack.errors import DevstackError
from devstack.listeners import Listeners, port_of
from devstack.ports import LOOPBACK, is_free, pick_free_port
from devstack.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    return replace(read_settings(), api_port=0, admin_port=None)


def test_one_socket_is_opened_unless_operators_have_a_port(settings: Settings):
    with closing(Listeners.open(settings)) as listeners:
        assert listeners.admin is None
        assert listeners.kept_in(settings).admin_port is None


def test_the_ports_that_were_picked_are_kept_for_a_restart(settings: Settings):
    with closing(Listeners.open(replace(settings, admin_port=0))) as listeners:
        assert listeners.admin is not None
        kept = listeners.kept_in(settings)
        assert kept.api_port == port_of(listeners.public)
        assert kept.admin_port == port_of(listeners.admin) != kept.api_port

    with closing(Listeners.open(kept)) as again:
        assert again.kept_in(settings) == kept


def test_a_port_of_the_operators_that_is_taken_is_refused_and_the_other_one_is_free_again(
    settings: Settings,
):
    api_port = pick_free_port()
    with socket.create_server((LOOPBACK, 0)) as taken:
        told = replace(settings, api_port=api_port, admin_port=taken.getsockname()[1])
        with pytest.raises(DevstackError, match=r"choose another port with ADMIN_PORT=<port>"):
            Listeners.open(told)
    assert is_free(api_port)


def test_the_port_of_the_api_is_refused_to_the_operators(settings: Settings):
    port = pick_free_port()
    with pytest.raises(DevstackError, match=rf"^port {port} .*ADMIN_PORT=<port>"):
        Listeners.open(replace(settings, api_port=port, admin_port=port))
