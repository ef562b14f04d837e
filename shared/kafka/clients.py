"""The one factory of Kafka clients: every connection of a process has the same security."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection

from shared.config import KafkaSettings
from shared.kafka.security_settings import KafkaSecuritySettings
from shared.kafka.tokens import TokenProvider, token_provider

_DEFAULT_PORT = 9092


@dataclass(frozen=True, slots=True)
class KafkaClients:
    """Makes producers, consumers, admin clients and single connections.

    `security` are the arguments that all of them take alike; none: a plain connection.
    """

    bootstrap_servers: str
    client_id: str
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, settings: KafkaSettings, *, client_id: str) -> Self:
        """Make the factory that the settings ask for; they win over `client_id`."""
        return cls(
            settings.kafka_bootstrap_servers,
            settings.kafka_client_id or client_id,
            _security(settings),
        )

    @property
    def brokers(self) -> list[str]:
        """The addresses, one by one."""
        return [broker.strip() for broker in self.bootstrap_servers.split(",")]

    def producer(self, broker: str, **options: Any) -> AIOKafkaProducer:
        """Make a producer that learns of the other brokers from this one."""
        return AIOKafkaProducer(bootstrap_servers=broker, **self._common, **options)

    def consumer(self, broker: str, **options: Any) -> AIOKafkaConsumer:
        """Make a consumer that learns of the other brokers from this one."""
        return AIOKafkaConsumer(bootstrap_servers=broker, **self._common, **options)

    def admin(self, broker: str, **options: Any) -> AIOKafkaAdminClient:
        """Make an admin client that learns of the other brokers from this one."""
        return AIOKafkaAdminClient(bootstrap_servers=broker, **self._common, **options)

    def connection(self, broker: str) -> AIOKafkaConnection:
        """Make a connection to one broker, which is not opened yet."""
        address = urlsplit(f"//{broker}")
        return AIOKafkaConnection(address.hostname, address.port or _DEFAULT_PORT, **self._common)

    async def have_token(self) -> None:
        """Get the token that the next connections log in with, where they do with one.

        Raises:
            TokenUnavailable: there is none.
        """
        provider = self.security.get("sasl_oauth_token_provider")
        if isinstance(provider, TokenProvider):
            await provider.token()

    @property
    def _common(self) -> dict[str, Any]:
        return {"client_id": self.client_id, **self.security}


def _security(settings: KafkaSecuritySettings) -> dict[str, Any]:
    """Say it in the arguments of aiokafka."""
    security: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.has_tls:
        security["ssl_context"] = settings.tls()
    if settings.has_sasl:
        security["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            security["sasl_oauth_token_provider"] = token_provider(settings)
        else:
            security["sasl_plain_username"] = settings.kafka_sasl_username
            security["sasl_plain_password"] = settings.sasl_password
    return security
