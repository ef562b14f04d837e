"""Why Kafka does not let a client in, in one line."""

import asyncio
import ssl
from dataclasses import dataclass

import pytest
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from structlog.testing import capture_logs
from structlog.typing import EventDict

from shared.kafka import publisher, starting
from shared.kafka.clients import KafkaClients
from shared.kafka.obstacles import Obstacle, obstacle_of
from shared.kafka.publisher import Publisher
from tests.support.waiting import eventually


def refused_certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "as OpenSSL says it"
    return error


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (10, "renew it"),
        (62, "use a name of the certificate in KAFKA_BOOTSTRAP_SERVERS"),
        (64, "use a name of the certificate in KAFKA_BOOTSTRAP_SERVERS"),
        (20, "correct KAFKA_SSL_CA_FILE"),
    ],
)
def test_a_certificate_that_is_refused_is_said_with_its_remedy(code: int, remedy: str):
    assert obstacle_of(refused_certificate(code), "a:1") == Obstacle(
        f"a:1: its certificate is refused (as OpenSSL says it): {remedy}",
        ssl.SSLCertVerificationError,
    )


def test_the_cause_of_a_lost_connection_says_more_than_the_loss():
    lost = KafkaConnectionError("closed")
    lost.__cause__ = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] alert")

    assert "the client's certificate" in obstacle_of(lost, "a:1").reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "a:1: 111 Connect call failed"),
        (TimeoutError(), "a:1: no answer in time"),
        (KafkaConnectionError("closed"), "a:1: it ends the connection; if it runs, correct KAFKA_"),
    ],
)
def test_an_outage_is_no_refusal(error: Exception, reason: str):
    obstacle = obstacle_of(error, "a:1")

    assert obstacle.reason.startswith(reason)
    assert obstacle.refusal is None


async def test_a_refusal_is_one_line_even_after_the_line_of_the_outage(
    monkeypatch: pytest.MonkeyPatch,
):
    broker = Broker(ConnectionRefusedError(111, "refused"))
    monkeypatch.setattr(starting, "ask", broker.ask)
    for module, name in ((starting, "_AGAIN_SECONDS"), (publisher, "_PING_EVERY_SECONDS")):
        monkeypatch.setattr(module, name, 0.01)
    monkeypatch.setattr(publisher, "_PING_SECONDS", 0.01)
    client = Publisher(KafkaClients("a:1", "test"))

    with capture_logs() as logs:
        watching = asyncio.create_task(client.watch())
        await eventually(lambda: len(lost(logs)) == 1)
        broker.error = SaslAuthenticationFailed("wrong password")
        await eventually(lambda: len(lost(logs)) > 1)
        asked = broker.asked
        await eventually(lambda: broker.asked > asked + 5)
        watching.cancel()
        await client.stop()

    assert lost(logs) == [
        "a:1: 111 refused",
        "a:1: the login is refused (wrong password): correct KAFKA_SASL_… or KAFKA_OAUTH_…",
    ]


def lost(logs: list[EventDict]) -> list[str]:
    return [e["reason"] for e in logs if e["event"] == "kafka_lost"]


@dataclass
class Broker:
    """Has something against every client."""

    error: Exception
    asked: int = 0

    async def ask(self, _: str, __: KafkaClients) -> None:
        self.asked += 1
        raise self.error
