"""The services behind a Kafka that wants TLS, a login or a certificate."""

import asyncio
import base64
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from schemas.states import Priority
from shared.config import KafkaSettings, load
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics, TopicsRefused, create_topics
from tests.services import serving, workers_on
from tests.stack import PARTITIONS, Stack
from tests.support.client import settled, submit
from tests.support.guarded_kafka import ADA, BOB, GuardedKafka, Rule, guarded_kafka
from tests.support.token_issuer import Issuer
from tests.support.unsigned_token import unsigned_token
from tests.support.waiting import eventually

NONE_GIVEN = "there is no token to log in with: KAFKA_OAUTH_TOKEN_URL"
CREDENTIALS = f"Basic {base64.b64encode(b'id:hush').decode()}"
TOKENS = Path(__file__).parents[1] / "support" / "unsigned_token.py"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    with guarded_kafka(tmp_path_factory.mktemp("guarded")) as broker:
        yield broker


@pytest.fixture
def servers(guarded: GuardedKafka) -> str:
    return guarded.login


@pytest.fixture
async def stack(guarded: GuardedKafka, servers: str, database_url: str) -> Stack:
    stack = Stack(database_url=database_url, kafka=servers, prefix=f"t{uuid4().hex[:10]}.")
    plain = KafkaClients(guarded.broker.bootstrap_servers, "test")
    await create_topics(plain, stack.topics, partitions=PARTITIONS)
    return stack


def of_password(mechanism: str, name: str = ADA) -> dict[str, str]:
    return {"SASL_MECHANISM": mechanism, "SASL_USERNAME": name, "SASL_PASSWORD": f"{name}-secret"}


def told(monkeypatch: pytest.MonkeyPatch, guarded: GuardedKafka, told: Mapping[str, Any]) -> None:
    known = {"SECURITY_PROTOCOL": "SASL_SSL", "SSL_CA_FILE": guarded.ca_file, **told}
    for name, value in known.items():
        monkeypatch.setenv(f"KAFKA_{name}", str(value or ""))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", guarded.login)


async def is_settled_over(stack: Stack) -> None:
    """Carry a request through both services, whose worker takes it from Kafka alone."""
    async with serving(stack) as api, workers_on(stack) as start_worker:
        with capture_logs() as logs:
            await start_worker()
            await eventually(lambda: [e for e in logs if e["event"] == "partitions_assigned"])
            await settled(api, await submit(api))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_request_is_settled_over_tls_with_a_password(
    mechanism: str, guarded: GuardedKafka, stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    told(monkeypatch, guarded, of_password(mechanism))

    await is_settled_over(stack)


class TestMutual:
    @pytest.fixture
    def servers(self, guarded: GuardedKafka) -> str:
        return guarded.mutual

    async def test_a_request_is_settled_over_tls_with_a_certificate(
        self, guarded: GuardedKafka, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ):
        certificate = guarded.guarded.authority.sign(ADA)
        told(
            monkeypatch,
            guarded,
            {"SECURITY_PROTOCOL": "SSL", "SSL_CERTIFICATE_FILE": certificate},
        )

        await is_settled_over(stack)


async def test_a_token_is_asked_for_anew_before_it_has_expired(
    guarded: GuardedKafka, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The broker ends each connection with its token; the services come back with a new one."""
    asked = tmp_path / "asked"
    command = f"{sys.executable} {TOKENS} {ADA} 3 {asked}"
    told(monkeypatch, guarded, {"SASL_MECHANISM": "OAUTHBEARER", "OAUTH_TOKEN_COMMAND": command})

    async with serving(stack) as api, workers_on(stack) as start_worker:
        await start_worker()
        await settled(api, await submit(api))
        # Two for the two services at first; the others after the first ones were too old.
        await eventually(lambda: len(asked.read_text(encoding="utf-8")) >= 6, within=20)
        await settled(api, await submit(api))


async def test_a_request_is_settled_with_tokens_for_the_credentials_of_a_client(
    guarded: GuardedKafka, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    issuer = Issuer(unsigned_token(ADA, 60))
    secret = tmp_path / "secret"
    secret.write_text("hush", encoding="utf-8")
    async with issuer.served() as url:
        told(monkeypatch, guarded, of_credentials(url) | {"OAUTH_CLIENT_SECRET_FILE": str(secret)})

        await is_settled_over(stack)

    assert issuer.asked == [(CREDENTIALS, "grant_type=client_credentials&scope=kafka")] * 2


def of_credentials(url: str) -> dict[str, str]:
    return {
        "SASL_MECHANISM": "OAUTHBEARER",
        "OAUTH_TOKEN_URL": url,
        "OAUTH_CLIENT_ID": "id",
        "OAUTH_SCOPE": "kafka",
    }


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            Response('{"error": "invalid_client"}', status_code=401),
            f"{NONE_GIVEN}: it answered 401 invalid_client$",
        ),
        (
            Response("<html>sign in</html>"),
            f"{NONE_GIVEN}: it holds no token$",
        ),
        (
            Response(json.dumps({"access_token": unsigned_token(ADA, -60), "expires_in": 60})),
            "the login is refused .*: correct KAFKA_SASL_… or KAFKA_OAUTH_…$",
        ),
    ],
)
async def test_an_address_of_tokens_that_gives_no_good_one_is_one_line(
    answer: Response, reason: str, guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch
):
    issuer = Issuer("")
    issuer.answer = answer
    async with issuer.served() as url:
        told(monkeypatch, guarded, of_credentials(url) | {"OAUTH_CLIENT_SECRET": "wrong"})

        await is_refused(guarded.login, reason)


NO_PASSWORD = {"SASL_USERNAME": "", "SASL_PASSWORD": ""}
REFUSALS: dict[str, tuple[dict[str, str], str]] = {
    "a wrong password": (
        {"SASL_PASSWORD": "wrong"},
        "the login is refused .*invalid credentials.*: correct KAFKA_SASL_",
    ),
    "a wrong token": (
        {"SASL_MECHANISM": "OAUTHBEARER", "OAUTH_TOKEN_COMMAND": "echo wrong", **NO_PASSWORD},
        "the login is refused .*token.*: correct KAFKA_SASL_… or KAFKA_OAUTH_",
    ),
    "no token": (
        {"SASL_MECHANISM": "OAUTHBEARER", "OAUTH_TOKEN_COMMAND": "false", **NO_PASSWORD},
        "there is no token to log in with: KAFKA_OAUTH_TOKEN_COMMAND: it left with status 1",
    ),
    "an authority that is unknown": (
        {"SSL_CA_FILE": ""},
        "its certificate is refused .*: correct KAFKA_SSL_CA_FILE",
    ),
    "no TLS": (
        {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SSL_CA_FILE": ""},
        "it ends the connection; if it runs, correct KAFKA_SECURITY_PROTOCOL",
    ),
    "no login": (
        {"SECURITY_PROTOCOL": "SSL", "SASL_MECHANISM": "", **NO_PASSWORD},
        "it ends the connection; if it runs, correct KAFKA_SECURITY_PROTOCOL",
    ),
}


@pytest.mark.parametrize("wrong", REFUSALS)
async def test_what_a_broker_refuses_is_one_line_that_says_what_to_correct(
    wrong: str, guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch
):
    changes, reason = REFUSALS[wrong]
    told(monkeypatch, guarded, of_password("SCRAM-SHA-512") | changes)

    await is_refused(guarded.login, reason)


async def test_a_name_that_is_not_in_the_certificate_is_one_line(
    guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch
):
    told(monkeypatch, guarded, of_password("PLAIN"))
    servers = guarded.login.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)

    await is_refused(servers, "its certificate is refused .*: use a name of the certificate")


async def test_a_client_without_the_certificate_that_is_wanted_is_one_line(
    guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch
):
    told(monkeypatch, guarded, {"SECURITY_PROTOCOL": "SSL"})
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", guarded.mutual)

    await is_refused(guarded.mutual, "it refuses the client's certificate: correct KAFKA_SSL_CERT")


async def test_a_certificate_that_has_expired_is_one_line(
    guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch
):
    told(monkeypatch, guarded, {"SECURITY_PROTOCOL": "SSL"})
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", guarded.expired)

    reason = r"its certificate is refused \(certificate has expired\): renew it$"
    await is_refused(guarded.expired, reason)


async def is_refused(servers: str, reason: str) -> None:
    """Both the service, which waits, and the command, which leaves, say the same."""
    clients = KafkaClients.of(load(KafkaSettings), client_id="test")
    publisher = Publisher(clients)
    with capture_logs() as logs:
        watching = asyncio.create_task(publisher.watch())
        await eventually(lambda: [e for e in logs if e["log_level"] != "debug"])
        watching.cancel()
        await publisher.stop()
    (line,) = [e for e in logs if e["log_level"] != "debug"]
    assert line["event"] == "kafka_lost"
    assert re.match(f"{servers}: {reason}", line["reason"])
    refused = f"Kafka cannot be reached: {servers}: {reason}"
    with capture_logs(), pytest.raises(TopicsRefused, match=refused):
        await create_topics(clients, Topics.with_prefix("x."), partitions=1)


def rules_of_api(stack: Stack) -> list[Rule]:
    return [Rule("write", "topic", name) for name in stack.topics.names]


def rules_of_worker(stack: Stack) -> list[Rule]:
    return [
        *rules_of_api(stack),
        *(Rule("read", "topic", name) for name in stack.topics.requests.values()),
        Rule("read", "group", stack.group),
    ]


async def test_a_user_with_the_rules_of_the_table_can_do_all_and_lacks_nothing(
    guarded: GuardedKafka, stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    for rule in rules_of_worker(stack):
        await guarded.allow(BOB, rule)
    told(monkeypatch, guarded, of_password("PLAIN", BOB))

    with capture_logs() as logs:
        await is_settled_over(stack)

    assert not [e for e in logs if e["event"] == "kafka_denied"]


async def test_the_topics_are_created_by_a_user_with_the_rules_of_the_table(
    guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch
):
    topics = Topics.with_prefix(f"t{uuid4().hex[:10]}.")
    told(monkeypatch, guarded, of_password("PLAIN", BOB))
    clients = KafkaClients.of(load(KafkaSettings), client_id="test")
    for operation in ("describe", "describe_configs"):
        for name in topics.names:
            await guarded.allow(BOB, Rule(operation, "topic", name))
    with pytest.raises(TopicsRefused, match=r"^topic .*TopicAuthorizationFailedError"):
        await create_topics(clients, topics, partitions=1)

    for name in topics.names:
        await guarded.allow(BOB, Rule("create", "topic", name))

    assert await create_topics(clients, topics, partitions=1) == []
    assert await create_topics(clients, topics, partitions=1) == []


async def test_each_rule_that_is_missing_is_one_line_that_names_it(
    guarded: GuardedKafka, stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    topics, group = stack.topics, stack.group
    high, normal = topics.requests[Priority.HIGH], topics.requests[Priority.NORMAL]
    missing = {
        Rule("write", "topic", topics.events): ("Describe", topics.events),
        Rule("read", "topic", high): ("Read", high),
        Rule("read", "group", group): ("Read", group),
        Rule("write", "topic", normal): ("Write", normal),
    }
    for rule in rules_of_worker(stack):
        await guarded.allow(BOB, rule)
    told(monkeypatch, guarded, of_password("PLAIN", BOB))

    for rule, (operation, name) in missing.items():
        await guarded.forbid(BOB, rule)

        assert await denied_at_work(stack) == {(operation, name)}

        await guarded.allow(BOB, rule)


async def denied_at_work(stack: Stack) -> set[tuple[str, str]]:
    """Let both services work until something is denied, and say what."""
    with capture_logs() as logs:

        def denied() -> set[tuple[str, str]]:
            return {(e["operation"], e["name"]) for e in logs if e["event"] == "kafka_denied"}

        async with serving(stack) as api, workers_on(stack) as start_worker:
            await start_worker()
            await submit(api)
            await eventually(denied)
    return denied()
