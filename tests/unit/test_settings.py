"""Settings come from the environment; a wrong one is a line and not a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api_service.config import ApiSettings
from migrations.settings import MigrationSettings
from shared.config import Environment, load, misspelt
from shared.kafka.topics import TopicSettings
from worker_service.config import WorkerSettings

GIVEN = {
    "DATABASE_URL": "postgresql://postgres@127.0.0.1:5432/generation",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give the addresses and nothing else."""
    for name in os.environ:
        if name.lower() in {*ApiSettings.model_fields, *WorkerSettings.model_fields}:
            monkeypatch.delenv(name)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_an_empty_variable_counts_as_one_that_is_not_set(environment: pytest.MonkeyPatch):
    environment.setenv("API_PORT", "")

    assert load(ApiSettings).api_port == 8000


@pytest.mark.parametrize(
    ("settings", "name", "value", "reason"),
    [
        (ApiSettings, "DATABASE_URL", "mysql://host/name", "does not have the form"),
        (ApiSettings, "DATABASE_URL", "postgresql://host:port/name", "has a port that is no"),
        (ApiSettings, "DATABASE_URL", "postgresql://a:1,b:70000/name", "has a port that is no"),
        (ApiSettings, "DATABASE_URL", "postgresql://[::1/name", "has a port that is no"),
        (
            ApiSettings,
            "DATABASE_URL",
            "postgresql://a/b?target_session_attrs=x",
            "target_session_attrs is 'x': give one of any, primary,",
        ),
        (ApiSettings, "KAFKA_BOOTSTRAP_SERVERS", "localhost", "does not have the form"),
        (ApiSettings, "KAFKA_BOOTSTRAP_SERVERS", "a:1;b:2", "does not have the form"),
        (ApiSettings, "KAFKA_BOOTSTRAP_SERVERS", "a:1,b:65536", "port 65536 is not"),
        (ApiSettings, "KAFKA_BOOTSTRAP_SERVERS", "a:0", "port 0 is not from 1 to"),
        (ApiSettings, "KAFKA_TOPIC_PREFIX", "with space", "does not have the form"),
        (ApiSettings, "API_PORT", "65536", "input should be less than or equal to 65535"),
        (ApiSettings, "API_PORT", "http", "input should be a valid integer"),
        (ApiSettings, "API_PREFIX", "api", "give a path such as /api/v1"),
        (ApiSettings, "API_PREFIX", "/api/", "give a path such as /api/v1"),
        (ApiSettings, "REQUEST_DEADLINE_SECONDS", "0", "input should be greater than 0"),
        (ApiSettings, "LOG_LEVEL", "loud", "input should be 'debug', 'info', 'warning' or 'error'"),
        (WorkerSettings, "LEASE_SECONDS", "0", "input should be greater than"),
        (WorkerSettings, "PROVIDER", "unknown", "unknown is none of demo"),
        (TopicSettings, "KAFKA_PARTITIONS", "0", "input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_its_variable(
    environment: pytest.MonkeyPatch,
    settings: type[Environment],
    name: str,
    value: str,
    reason: str,
):
    environment.setenv(name, value)

    with pytest.raises(SystemExit, match=f"^wrong setting: {name}: {reason}") as left:
        load(settings)

    assert "\n" not in str(left.value)


def test_every_wrong_setting_is_named_at_once(environment: pytest.MonkeyPatch):
    environment.delenv("DATABASE_URL")
    environment.setenv("API_PORT", "-1")

    with pytest.raises(SystemExit, match=r"DATABASE_URL: is not set; API_PORT: input should"):
        load(ApiSettings)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("KAFKA_SASL_MECHANISMS", "KAFKA_SASL_MECHANISM"),
        ("KAFKA_BROKERS", None),
        ("LEASE_SECOND", "LEASE_SECONDS"),
        ("LEASE_TIME_SECONDS", "LEASE_SECONDS"),
        ("drain_secs", "DRAIN_SECONDS"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("OPENAI_API_KEYS", "OPENAI_API_KEY"),
    ],
)
def test_a_misspelt_setting_is_named_with_the_nearest(
    environment: pytest.MonkeyPatch, name: str, nearest: str | None
):
    environment.setenv(name, "1")

    assert misspelt() == [(name.upper(), nearest)]


@pytest.mark.parametrize(
    "name",
    [
        *("WORKER_HEALTH_PORT", "POSTGRES_PASSWORD", "KAFKA_PORT", "STATE_DIR"),
        *("KAFKA_SERVICE_HOST", "KAFKA_PORT_9092_TCP_ADDR", "OPENAI2_API_KEY"),
        *("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_TRACES_SAMPLER"),
        *("TIMEOUT_SECONDS", "API_KEY", "HOME", "OPENAI_ORG_ID"),
    ],
)
def test_what_belongs_to_others_is_not_taken_for_a_misspelt_setting(
    environment: pytest.MonkeyPatch, name: str
):
    environment.setenv("PROVIDERS", "openai2")
    environment.setenv(name, "1")

    assert misspelt() == []


@pytest.mark.parametrize(
    "url",
    ["postgresql://user:hush@host:port/name", "postgresql://user:hush/rest@host:5432/name"],
)
def test_a_password_is_not_repeated(environment: pytest.MonkeyPatch, url: str):
    environment.setenv("DATABASE_URL", url)

    with pytest.raises(SystemExit) as left:
        load(ApiSettings)

    assert "hush" not in str(left.value)


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:p%40ss@db.example:6432/name?sslmode=require",
        "postgres://[::1]:5432/name",
        "postgresql://a:1,b:2/name",
        "postgresql:///name?host=/run/postgresql",
    ],
)
def test_an_address_of_any_form_is_accepted(environment: pytest.MonkeyPatch, value: str):
    environment.setenv("DATABASE_URL", value)

    assert load(ApiSettings).database_url == value


def test_a_password_file_is_read_anew_each_time(environment: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("old\n", encoding="utf-8")
    environment.setenv("DATABASE_PASSWORD_FILE", str(file))
    password = load(ApiSettings).database_password
    assert password is not None
    assert password() == "old"

    file.write_text("new", encoding="utf-8")

    assert password() == "new"


@pytest.mark.parametrize(
    ("url", "content", "reason"),
    [
        ("postgresql://me:hush@db/x", "p", "is set beside a password in DATABASE_URL"),
        ("postgresql://db/x?password=hush", "p", "is set beside a password in DATABASE_URL"),
        ("postgresql://me@db/x", "", "is empty"),
    ],
)
def test_a_password_file_that_cannot_serve_is_one_line(
    environment: pytest.MonkeyPatch, tmp_path: Path, url: str, content: str, reason: str
):
    (tmp_path / "password").write_text(content, encoding="utf-8")
    environment.setenv("DATABASE_URL", url)
    environment.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "password"))

    with pytest.raises(SystemExit, match=f"DATABASE_PASSWORD_FILE: .*{reason}") as left:
        load(ApiSettings)
    assert "hush" not in str(left.value)


@pytest.mark.parametrize("url", ["postgresql://owner:own@db/x", "postgresql://db/x?password=own"])
def test_the_address_to_migrate_at_may_have_a_password_of_its_own(
    environment: pytest.MonkeyPatch, tmp_path: Path, url: str
):
    (tmp_path / "password").write_text("p", encoding="utf-8")
    environment.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    assert load(MigrationSettings).password is not None

    environment.setenv("MIGRATIONS_DATABASE_URL", url)

    assert load(MigrationSettings).password is None


def test_a_secret_may_be_a_file_of_the_name_of_its_setting(
    environment: pytest.MonkeyPatch, tmp_path: Path
):
    environment.setenv("DATABASE_URL", "")
    (tmp_path / "database_url").write_text("postgresql://db/secret\n", encoding="utf-8")

    assert load(ApiSettings, secrets=tmp_path).database_url == "postgresql://db/secret"


def test_a_variable_is_stronger_than_a_file(tmp_path: Path):
    (tmp_path / "database_url").write_text("postgresql://db/secret", encoding="utf-8")

    assert load(ApiSettings, secrets=tmp_path).database_url == GIVEN["DATABASE_URL"]


def test_a_secret_that_cannot_be_read_is_one_line_that_names_its_setting(
    environment: pytest.MonkeyPatch, tmp_path: Path
):
    environment.delenv("DATABASE_URL")
    (tmp_path / "database_url").write_bytes(b"hush\xff")

    with pytest.raises(SystemExit, match=r"^wrong setting: DATABASE_URL: cannot be read") as left:
        load(ApiSettings, secrets=tmp_path)

    assert "\n" not in str(left.value)
    assert "hush" not in str(left.value)


NOTHING_SET = "KAFKA_BOOTSTRAP_SERVERS: is not set; DATABASE_URL: is not set"
NO_INTEGER = "API_PORT: input should be a valid integer, unable to parse string as an integer"


@pytest.mark.parametrize(
    ("module", "told", "faults"),
    [
        ("api_service", {}, NOTHING_SET),
        ("api_service", {**GIVEN, "API_PORT": "none"}, NO_INTEGER),
        ("api_service.relay", {}, NOTHING_SET),
        ("worker_service", {}, NOTHING_SET),
        ("migrations", {}, "DATABASE_URL: is not set"),
    ],
)
def test_a_command_that_is_told_wrong_leaves_with_the_line_alone(
    module: str, told: dict[str, str], faults: str
):
    left = subprocess.run(
        [sys.executable, "-m", module],
        env=told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    line = f"wrong setting: {faults} (each is described in .env.example)\n"
    assert (left.returncode, left.stdout, left.stderr) == (1, "", line)
