"""What an operator is told of topics whose time cannot be altered."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion

from shared.kafka.timestamps import take_times_of_broker

TYPE = "message.timestamp.type"
_REFUSED, _DEFAULT = 29, 5


class ScriptedAdmin:
    """Brokers that show a topic with the sender's time, or nothing, and refuse to alter it."""

    def __init__(self, *, shows: int = 0, alters: int | Exception = 0) -> None:
        self._shows, self._alters = shows, alters

    async def describe_configs(self, _: object) -> list[Any]:
        shown = (TYPE, "CreateTime", False, _DEFAULT, False, list[Any]())
        entries = [] if self._shows else [shown]
        return [SimpleNamespace(resources=[(self._shows, None, 2, "topic", entries)])]

    async def alter_configs(self, _: object) -> list[Any]:
        if isinstance(self._alters, Exception):
            raise self._alters
        return [SimpleNamespace(resources=[(self._alters, "no", 2, "topic")])]


@pytest.mark.parametrize(
    ("admin", "reason"),
    [
        (ScriptedAdmin(alters=_REFUSED), "TopicAuthorizationFailedError: no"),
        (ScriptedAdmin(shows=_REFUSED), "TopicAuthorizationFailedError: no reason given"),
        (ScriptedAdmin(alters=IncompatibleBrokerVersion("old")), "IncompatibleBrokerVersion: old"),
    ],
    ids=["may not alter", "may not look", "too old"],
)
async def test_a_refusal_names_the_command_to_run(admin: ScriptedAdmin, reason: str):
    (line,) = await take_times_of_broker(cast("AIOKafkaAdminClient", admin), ["events"])

    assert reason in line
    assert line.endswith(
        "--alter --entity-type topics --entity-name events "
        "--add-config message.timestamp.type=LogAppendTime"
    )
