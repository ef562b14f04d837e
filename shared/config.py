"""Settings: environment variables, or files in one folder, read once and passed on as values."""

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PositiveFloat,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from schemas.providers import BUILT_IN, PROVIDER_NAME
from shared.kafka.security_settings import KafkaSecuritySettings
from shared.postgres.pooling import Pooling
from shared.secret_files import read_secret, why_unreadable
from shared.setting_names import unknown_settings
from shared.tracing.settings import TracingSettings

SECRETS = Path("/run/secrets")
"""Where Docker, Podman and Compose put the secrets of a container."""

_PORTS = range(1, 65_536)
_ROLES = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
_FILES = {"sslrootcert", "sslcert", "sslkey", "sslcrl"}


def _with_readable_ports(url: str) -> str:
    """Refuse ports that are no numbers; asyncpg says so only when it connects.

    What stands in place of one may be the end of a password, so it is not repeated.
    """
    try:
        for host in urlsplit(url).netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{host}").port
    except ValueError:
        raise ValueError(
            "has a port that is no number from 0 to 65535; in a password, "
            "write / as %2F, ? as %3F, # as %23, @ as %40"
        ) from None
    return url


def _with_known_role(url: str) -> str:
    """Refuse a `target_session_attrs` that asyncpg does not know; it names no other itself."""
    for role in parse_qs(urlsplit(url).query).get("target_session_attrs", ()):
        if role not in _ROLES:
            raise ValueError(f"target_session_attrs is {role!r}: give one of {', '.join(_ROLES)}")
    return url


def _with_possible_ports(servers: str) -> str:
    """Refuse ports that no server can have; the Kafka client would try them for ever."""
    for server in servers.split(","):
        port = int(server.rpartition(":")[2])
        if port not in _PORTS:
            raise ValueError(f"port {port} is not from {_PORTS[0]} to {_PORTS[-1]}")
    return servers


def names_of(providers: str) -> tuple[str, ...]:
    """Read a list of providers; those that are built in where it is empty."""
    return tuple(name.strip() for name in providers.split(",") if name.strip()) or BUILT_IN


def _with_single_names(providers: str) -> str:
    """Refuse a list that names a provider twice."""
    names = names_of(providers)
    if len({*names}) < len(names):
        raise ValueError("a provider is named twice")
    return providers


def _with_readable_files(url: str) -> str:
    """Refuse files that cannot be read: OpenSSL does not say which one it misses."""
    for name, values in parse_qs(urlsplit(url).query).items():
        if name in _FILES and (reason := why_unreadable(Path(values[-1]))):
            raise ValueError(f"{name}: {values[-1]} {reason}")
    return url


DatabaseUrl = Annotated[
    str,
    StringConstraints(pattern=r"^postgres(ql)?://"),
    AfterValidator(_with_readable_ports),
    AfterValidator(_with_readable_files),
    AfterValidator(_with_known_role),
]
BootstrapServers = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s,;/]+:\d{1,5}(\s*,\s*[^\s,;/]+:\d{1,5})*$"),
    AfterValidator(_with_possible_ports),
]
TopicPrefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,100}$")]


class Environment(BaseSettings):
    """Read from the environment; an empty variable counts as one that is not set."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)


def has_password(url: str) -> bool:
    """Whether an address of PostgreSQL holds a password, in either place that libpq knows."""
    parts = urlsplit(url)
    return bool(parts.password or parse_qs(parts.query).get("password"))


class DatabaseSettings(Environment):
    """Where PostgreSQL is."""

    database_url: DatabaseUrl = Field(
        description="Address of PostgreSQL, as postgresql://user:password@host:port/name."
    )
    database_password_file: Path | None = Field(
        None, description="File with the password, read anew for each connection to PostgreSQL."
    )

    @property
    def database_password(self) -> Callable[[], str] | None:
        """What reads the password, where a file has it."""
        file = self.database_password_file
        return partial(read_secret, file) if file else None

    @model_validator(mode="after")
    def _has_one_password(self) -> Self:
        if file := self.database_password_file:
            if reason := why_unreadable(file):
                raise ValueError(f"DATABASE_PASSWORD_FILE: {file} {reason}")
            if has_password(self.database_url):
                raise ValueError("DATABASE_PASSWORD_FILE: is set beside a password in DATABASE_URL")
        return self


class KafkaSettings(KafkaSecuritySettings, Environment):
    """Where Kafka is, and how to get in."""

    kafka_bootstrap_servers: BootstrapServers = Field(
        description="Addresses of Kafka brokers, as host:port, separated by commas."
    )
    kafka_topic_prefix: TopicPrefix = Field(
        "", description="Put before the name of every topic, so that stacks can share a broker."
    )
    kafka_client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = Field(
        "", description="Name that brokers know a client by; empty: that of the service."
    )


class ProviderListSettings(Environment):
    """Which providers there are: the API offers them, the workers have them."""

    providers: Annotated[str, AfterValidator(_with_single_names)] = Field(
        "",
        description="Names of the providers, separated by commas; empty: those that are built in.",
        pattern=rf"^\s*({PROVIDER_NAME}(\s*,\s*{PROVIDER_NAME})*)?\s*$",
    )

    @property
    def provider_names(self) -> tuple[str, ...]:
        """The names, in their order."""
        return names_of(self.providers)


class SharedSettings(DatabaseSettings, KafkaSettings, TracingSettings):
    """What both services are told."""

    lease_seconds: Annotated[PositiveFloat, Field(ge=1, le=3600)] = Field(
        30, description="How long a worker owns a request without a heartbeat."
    )
    database_pool_size: Annotated[int, Field(ge=2, le=500)] = Field(
        10, description="Connections to PostgreSQL that one process opens at the most."
    )
    database_pooler: Pooling = Field(
        Pooling.NONE,
        description="What DATABASE_URL leads to: none (PostgreSQL), or transaction (PgBouncer).",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important events that are logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="json, console (columns), or auto: columns on a terminal."
    )
    schema_wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        60, description="How long a service waits at start for the schema it needs."
    )


Settings = TypeVar("Settings", bound=Environment)


def load(settings: type[Settings], *, secrets: Path = SECRETS, prefix: str = "") -> Settings:
    """Read the settings, or leave with one line that names the wrong variables.

    The names of the variables begin with `prefix`. A setting whose variable is not set is what the
    file of its name in `secrets` holds, if there is one: `database_url` for DATABASE_URL.
    """
    try:
        return settings(
            _secrets_dir=secrets if secrets.is_dir() else None, _env_prefix=prefix.lower()
        )
    except ValidationError as error:
        raise SystemExit(_one_line(error, prefix)) from None
    except SettingsError as error:
        named = re.search('"([a-z0-9_]+)"', str(error))
        name = f"{prefix}{named[1]}".upper() if named else "a setting"
        raise SystemExit(f"wrong setting: {name}: cannot be read: {error.__cause__}") from None


def misspelt() -> list[tuple[str, str | None]]:
    """List the variables of the environment that are meant as settings and are none.

    Each with the nearest name that there is, if one is near.
    """
    told = os.environ  # noqa: TID251 - this is the module that reads it
    more = {*names_of(told.get("PROVIDERS", ""))} - {*BUILT_IN}
    return [*unknown_settings(told, providers=tuple(more))]


def _one_line(error: ValidationError, prefix: str) -> str:
    faults = (
        # Settings that do not fit together are no fault of one: the message names them.
        f"{prefix}{str(fault['loc'][0]).upper()}: {_reason(fault['type'], fault['msg'])}"
        if fault["loc"]
        else fault["msg"].removeprefix("Value error, ")
        for fault in error.errors(include_url=False, include_input=False)
    )
    return f"wrong setting: {'; '.join(faults)} (each is described in .env.example)"


def _reason(kind: str, message: str) -> str:
    match kind:
        case "missing":
            return "is not set"
        case "string_pattern_mismatch":
            return "does not have the form that .env.example shows"
        case _:
            said = message.removeprefix("Value error, ")
            return said[:1].lower() + said[1:]
