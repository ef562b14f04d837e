"""The devstack's servers and services, wherever they keep their data and listen."""

import os
from pathlib import Path

import pytest

from devstack import kafka, postgres
from devstack.children import Lifetime
from devstack.roster import Roster
from devstack.services import Services
from tests.stack import Stack


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_state_folder_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str
):
    monkeypatch.setenv("LC_ALL", locale)
    state_dir = tmp_path / "État, 状態 no. 1"
    database = postgres.start(state_dir=state_dir, durable=False)
    broker = kafka.start(state_dir=state_dir)

    database.stop()
    broker.stop()

    assert (state_dir / "kafka" / "data" / "meta.properties").is_file()


def test_a_worker_is_asked_for_its_health_where_it_listens(stack: Stack, tmp_path: Path):
    told = {
        "DATABASE_URL": stack.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": stack.kafka,
        "KAFKA_TOPIC_PREFIX": stack.prefix,
        "KAFKA_GROUP_ID": stack.group,
        "WORKER_HEALTH_HOST": "::1",
    }
    roster = Roster(tmp_path, drain_seconds=5)
    services = Services(
        environment={**os.environ, **told},
        log_dir=tmp_path,
        roster=roster,
        lifetime=Lifetime.TETHERED,
    )

    try:
        services.start_workers(1)
        services.wait_until_ready()
    finally:
        roster.end()
        assert len(services.find_gone()) == 1
