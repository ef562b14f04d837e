import re
import socket

import pytest

from devstack import jars, ports
from devstack.errors import DevstackError

API = {"host_variable": "API_HOST", "port_variable": "API_PORT"}


def test_every_kafka_jar_is_pinned_by_name_and_sha_256():
    pins = jars.read_pins()
    assert "org/apache/kafka/kafka_2.13/4.3.1/kafka_2.13-4.3.1.jar" in pins
    assert all(re.fullmatch(r"([\w.+-]+/)+[\w.+-]+\.jar", name) for name in pins)
    assert all(re.fullmatch(r"[0-9a-f]{64}", fingerprint) for fingerprint in pins.values())


def test_jars_that_differ_from_the_pins_are_fetched_once_and_then_refused(tmp_path, monkeypatch):
    fetched = []

    def fetch(home, *, log, **_):
        fetched.append(log)
        home.mkdir()
        (home / "kafka_2.13-4.3.1.jar").write_bytes(b"something else")

    monkeypatch.setattr(jars, "_fetch", fetch)
    with pytest.raises(DevstackError, match="do not trust them"):
        jars.kafka_jars(tmp_path, log=tmp_path / "log")
    assert len(fetched) == 1


def test_a_port_that_is_taken_is_refused_with_the_way_out():
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        with pytest.raises(DevstackError, match=rf"^port {port} .*\(API_PORT=0 picks a free one"):
            ports.listen(ports.LOOPBACK, port, **API)


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid", "a" * 64, "1::2::3"])
def test_an_address_that_is_not_of_this_machine_is_refused_by_its_name(host):
    with pytest.raises(DevstackError, match=f"^API_HOST is '{host}': ") as refused:
        ports.listen(host, 0, **API)
    assert "API_PORT" not in str(refused.value)
