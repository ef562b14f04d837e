"""The time that records carry: that of the broker, whatever the clock of the sending host says."""

from collections.abc import Collection, Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

_NAME, _VALUE = "message.timestamp.type", "LogAppendTime"

TIMES_OF_THE_BROKER: Mapping[str, str] = {_NAME: _VALUE}
"""Else a broker refuses the records of a host whose clock is an hour ahead, and keeps for longer
or shorter than it should those of a host whose clock is wrong by less."""

_SET_ON_THE_TOPIC = 1


class _Refused(Exception):
    """The brokers do not show or change the configuration of a topic."""


async def take_times_of_broker(admin: AIOKafkaAdminClient, topics: Collection[str]) -> list[str]:
    """Alter the topics whose records carry the sender's time; the other settings are kept.

    Returns a line for each topic that was altered, or that is to be altered by hand.
    """
    return [line for topic in topics if (line := await _altered(admin, topic)) is not None]


async def _altered(admin: AIOKafkaAdminClient, topic: str) -> str | None:
    try:
        found = await _settings_of(admin, topic)
        if found[_NAME][0] == _VALUE:
            return None
        await _set(admin, topic, {**_own(found), **TIMES_OF_THE_BROKER})
    except (_Refused, KafkaError) as error:
        return (
            f"topic {topic}: {_NAME} could not be set to {_VALUE} ({error}); run: "
            f"kafka-configs.sh --bootstrap-server … --alter --entity-type topics "
            f"--entity-name {topic} --add-config {_NAME}={_VALUE}"
        )
    return f"topic {topic}: set {_NAME} to {_VALUE}; its records carried the time of their sender"


async def _settings_of(admin: AIOKafkaAdminClient, topic: str) -> dict[str, tuple[str, int]]:
    """Return the value and the source of each setting."""
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((code, message, _, _, entries),) = answer.resources
    _check(code, message)
    return {name: (value, source) for name, value, _, source, *_ in entries}


def _own(found: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    """Return what is set on the topic itself: an alteration resets whatever it does not repeat."""
    return {name: value for name, (value, source) in found.items() if source == _SET_ON_THE_TOPIC}


async def _set(admin: AIOKafkaAdminClient, topic: str, settings: dict[str, str]) -> None:
    (answer,) = await admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic, settings)]
    )
    ((code, message, _, _),) = answer.resources
    _check(code, message)


def _check(code: int, message: str | None) -> None:
    if code:
        raise _Refused(f"{for_code(code).__name__}: {message or 'no reason given'}")
