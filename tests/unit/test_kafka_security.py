"""The settings of a secured connection: what fits together, and what becomes of it."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from shared.config import KafkaSettings, load
from shared.kafka.clients import KafkaClients
from shared.kafka.tokens import ClientCredentials, CommandTokens

PASSWORD = {"SASL_MECHANISM": "PLAIN", "SASL_USERNAME": "ada", "SASL_PASSWORD": "hush"}
LOGIN = {"SECURITY_PROTOCOL": "SASL_SSL", **PASSWORD}
OAUTH = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTHBEARER"}
URL = {**OAUTH, "OAUTH_TOKEN_URL": "https://id/token"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in KafkaSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:1, b:2")
    return monkeypatch


def told(environment: pytest.MonkeyPatch, told: dict[str, str]) -> KafkaSettings:
    for name, value in told.items():
        environment.setenv(f"KAFKA_{name}", value)
    return load(KafkaSettings)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL: input should be 'PLAINTEXT', "),
        (PASSWORD, "KAFKA_SASL_MECHANISM: has no effect without KAFKA_SECURITY_PROTOCOL=SASL_SSL"),
        ({"SSL_CA_FILE": "/ca"}, "KAFKA_SSL_CA_FILE: has no effect without KAFKA_SECURITY_PROT"),
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM: is needed for SASL_SSL"),
        ({**LOGIN, "SASL_USERNAME": ""}, "KAFKA_SASL_USERNAME: is needed for PLAIN"),
        ({**LOGIN, "SASL_PASSWORD": ""}, "KAFKA_SASL_PASSWORD: is needed for PLAIN"),
        (
            {**LOGIN, "SASL_PASSWORD_FILE": __file__},
            "KAFKA_SASL_PASSWORD: is set beside KAFKA_SASL_PASSWORD_FILE; set one of them",
        ),
        (
            {**LOGIN, "SASL_PASSWORD": "", "SASL_PASSWORD_FILE": "/no/file"},
            r"KAFKA_SASL_PASSWORD_FILE: /no/file cannot be read \(No such file or directory\)",
        ),
        (
            {**LOGIN, "SASL_PASSWORD": "", "SASL_PASSWORD_FILE": "/dev/null"},
            "KAFKA_SASL_PASSWORD_FILE: /dev/null is empty",
        ),
        ({**LOGIN, "SSL_CA_FILE": __file__}, "the files of KAFKA_SSL_…: OpenSSL refuses them"),
        (
            {**LOGIN, "SSL_KEY_FILE": __file__},
            "KAFKA_SSL_KEY_FILE: has no effect without KAFKA_SSL_CERTIFICATE_FILE",
        ),
        ({**LOGIN, "OAUTH_SCOPE": "x"}, "KAFKA_OAUTH_SCOPE: has no effect without KAFKA_SASL_MECH"),
        (OAUTH, "KAFKA_OAUTH_TOKEN_COMMAND: set either it or KAFKA_OAUTH_TOKEN_URL"),
        (
            {**OAUTH, "OAUTH_TOKEN_COMMAND": "x", "SASL_USERNAME": "ada"},
            "KAFKA_SASL_USERNAME: has no effect without PLAIN or SCRAM as KAFKA_SASL_MECHANISM",
        ),
        ({**OAUTH, "OAUTH_TOKEN_COMMAND": "echo '"}, "KAFKA_OAUTH_TOKEN_COMMAND: No closing"),
        (URL, "KAFKA_OAUTH_CLIENT_ID: is needed .*; KAFKA_OAUTH_CLIENT_SECRET: is needed"),
        ({**OAUTH, "OAUTH_TOKEN_URL": "id"}, "KAFKA_OAUTH_TOKEN_URL: does not have the form"),
    ],
)
def test_settings_that_do_not_fit_together_are_one_line(
    environment: pytest.MonkeyPatch, wrong: dict[str, str], line: str
):
    with pytest.raises(SystemExit, match=f"^wrong setting: .*{line}") as left:
        told(environment, wrong)

    assert "\n" not in str(left.value)
    assert "hush" not in str(left.value)


def arguments(settings: KafkaSettings) -> dict[str, Any]:
    return dict(KafkaClients.of(settings, client_id="api").security)


def test_nothing_is_told_where_nothing_is_set(environment: pytest.MonkeyPatch):
    clients = KafkaClients.of(told(environment, {}), client_id="api")

    assert clients.security == {"security_protocol": "PLAINTEXT"}
    assert (clients.client_id, clients.brokers) == ("api", ["a:1", "b:2"])


def test_a_password_may_be_the_content_of_a_file(environment: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "password").write_text("of the file\n", encoding="utf-8")
    changes = {"SASL_PASSWORD": "", "SASL_PASSWORD_FILE": str(tmp_path / "password")}

    security = arguments(told(environment, LOGIN | changes))

    assert security.pop("ssl_context").verify_mode is ssl.CERT_REQUIRED
    assert security == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "ada",
        "sasl_plain_password": "of the file",
    }


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"OAUTH_TOKEN_COMMAND": "print-token"}, CommandTokens),
        ({**URL, "OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "hush"}, ClientCredentials),
    ],
)
def test_tokens_come_from_the_source_that_is_set(
    environment: pytest.MonkeyPatch, source: dict[str, str], kind: type[Any]
):
    security = arguments(told(environment, OAUTH | source))

    assert isinstance(security["sasl_oauth_token_provider"], kind)


def test_the_name_that_is_set_is_that_of_every_client(environment: pytest.MonkeyPatch):
    clients = KafkaClients.of(told(environment, {"CLIENT_ID": "ours"}), client_id="api")

    assert clients.client_id == "ours"


def test_no_secret_is_shown_with_the_settings_or_the_factory(environment: pytest.MonkeyPatch):
    settings = told(environment, LOGIN)

    assert "hush" not in f"{settings!r} {KafkaClients.of(settings, client_id='api')!r}"
