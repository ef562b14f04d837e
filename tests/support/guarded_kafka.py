"""A broker with listeners that want a login or a certificate, and rules of who may do what."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from devstack.certificates import Authority
from devstack.kafka import Kafka
from devstack.kafka_security import Guarded
from devstack.ports import LOOPBACK, pick_free_port
from shared.kafka.clients import KafkaClients

ADA, BOB = "ada", "bob"
"""`ada` may do everything, `bob` what he is allowed."""

_LISTENERS = 3
_ALLOW, _LITERAL = 3, 3
_RESOURCES = {"topic": 2, "group": 3, "cluster": 4}
_OPERATIONS = {"read": 3, "write": 4, "create": 5, "describe": 8, "describe_configs": 10}


@dataclass(frozen=True, slots=True)
class Rule:
    """A user may do something with a topic, a group or the cluster."""

    operation: str
    resource: str
    name: str


@dataclass(frozen=True, slots=True)
class GuardedKafka:
    """The broker, and what its clients are told."""

    broker: Kafka
    guarded: Guarded

    @property
    def login(self) -> str:
        return f"{LOOPBACK}:{self.guarded.login_port}"

    @property
    def mutual(self) -> str:
        return f"{LOOPBACK}:{self.guarded.mutual_port}"

    @property
    def expired(self) -> str:
        return f"{LOOPBACK}:{self.guarded.expired_port}"

    @property
    def ca_file(self) -> Path:
        return self.guarded.authority.certificate

    async def allow(self, name: str, rule: Rule) -> None:
        await self._change(CreateAclsRequest, name, rule)

    async def forbid(self, name: str, rule: Rule) -> None:
        await self._change(DeleteAclsRequest, name, rule)

    async def _change(
        self, request: type[CreateAclsRequest | DeleteAclsRequest], name: str, rule: Rule
    ) -> None:
        servers = self.broker.bootstrap_servers
        connection = KafkaClients(servers, "test").connection(servers)
        await connection.connect()
        try:
            answer = await connection.send(
                request(
                    _RESOURCES[rule.resource],
                    rule.name,
                    _LITERAL,
                    f"User:{name}",
                    "*",
                    _OPERATIONS[rule.operation],
                    _ALLOW,
                )
            )
        finally:
            connection.close()
        assert "error_code=0" in str(answer), answer


@contextmanager
def guarded_kafka(folder: Path) -> Iterator[GuardedKafka]:
    """Start such a broker; the plain listener lets everyone in."""
    authority = Authority(folder / "certificates")
    authority.found()
    ports: set[int] = set()
    while len(ports) < _LISTENERS:
        ports.add(pick_free_port(but=ports))
    login_port, mutual_port, expired_port = ports
    guarded = Guarded(
        login_port=login_port,
        mutual_port=mutual_port,
        expired_port=expired_port,
        authority=authority,
        passwords={name: f"{name}-secret" for name in (ADA, BOB)},
        superusers=frozenset({ADA}),
    )
    broker = Kafka(state_dir=folder, guarded=guarded)
    broker.start()
    try:
        yield GuardedKafka(broker, guarded)
    finally:
        broker.stop()
