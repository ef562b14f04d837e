"""The names of all settings of the project, and the name that a misspelt one was meant to be.

A process reads its own settings and is told those of all: it cannot know the others by itself.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

NAMES = frozenset(
    [
        "ADMIN_HOST",
        "ADMIN_PORT",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_MODEL",
        "API_HOST",
        "API_IMAGE",
        "API_PORT",
        "API_PREFIX",
        "BREAKER_FAILURES",
        "BREAKER_SECONDS",
        "CALL_ATTEMPTS",
        "COMPOSE_PROJECT_NAME",
        "DATABASE_PASSWORD_FILE",
        "DATABASE_POOLER",
        "DATABASE_POOL_SIZE",
        "DATABASE_URL",
        "DEMO",
        "DEMO_LATENCY_SECONDS",
        "DRAIN_SECONDS",
        "INVALID_OUTPUT_ATTEMPTS",
        "KAFKA_BOOTSTRAP_SERVERS",
        "KAFKA_CLIENT_ID",
        "KAFKA_GROUP_ID",
        "KAFKA_IMAGE",
        "KAFKA_OAUTH_CLIENT_ID",
        "KAFKA_OAUTH_CLIENT_SECRET",
        "KAFKA_OAUTH_CLIENT_SECRET_FILE",
        "KAFKA_OAUTH_SCOPE",
        "KAFKA_OAUTH_TOKEN_COMMAND",
        "KAFKA_OAUTH_TOKEN_URL",
        "KAFKA_PARTITIONS",
        "KAFKA_REPLICATION_FACTOR",
        "KAFKA_SASL_MECHANISM",
        "KAFKA_SASL_PASSWORD",
        "KAFKA_SASL_PASSWORD_FILE",
        "KAFKA_SASL_USERNAME",
        "KAFKA_SECURITY_PROTOCOL",
        "KAFKA_SSL_CA_FILE",
        "KAFKA_SSL_CERTIFICATE_FILE",
        "KAFKA_SSL_KEY_FILE",
        "KAFKA_SSL_KEY_PASSWORD",
        "KAFKA_SSL_KEY_PASSWORD_FILE",
        "KAFKA_TOPIC_PREFIX",
        "LEASE_SECONDS",
        "LOG_FORMAT",
        "LOG_LEVEL",
        "MAX_BODY_BYTES",
        "MAX_CALLS_PER_ITEM",
        "MAX_PARALLEL_ITEMS_PER_REQUEST",
        "MAX_PROVIDER_CALLS",
        "MAX_REQUESTS_IN_FLIGHT",
        "MIGRATIONS_DATABASE_URL",
        "OLLAMA_API_KEY",
        "OLLAMA_BASE_URL",
        "OLLAMA_MODEL",
        "OPENAI_ANSWER_BYTES",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_BODY",
        "OPENAI_CALL_SECONDS",
        "OPENAI_CONNECT_SECONDS",
        "OPENAI_FIRST_TOKEN_SECONDS",
        "OPENAI_HEADERS",
        "OPENAI_KIND",
        "OPENAI_MAX_OUTPUT_TOKENS",
        "OPENAI_MODEL",
        "OPENAI_NEXT_TOKEN_SECONDS",
        "OPENAI_NUM_CTX",
        "OPENAI_READ_SECONDS",
        "OPENAI_REASONING_EFFORT",
        "OPENAI_TEMPERATURE",
        "OPENROUTER_API_KEY",
        "OPENROUTER_BASE_URL",
        "OPENROUTER_MODEL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_SDK_DISABLED",
        "OTEL_TRACES_EXPORTER",
        "POSTGRES_IMAGE",
        "POSTGRES_PASSWORD",
        "PROVIDER",
        "PROVIDERS",
        "PROVIDER_ANSWER_BYTES",
        "PROVIDER_CALL_SECONDS",
        "PROVIDER_CONNECT_SECONDS",
        "PROVIDER_FIRST_TOKEN_SECONDS",
        "PROVIDER_NEXT_TOKEN_SECONDS",
        "PROVIDER_READ_SECONDS",
        "PUBLIC_URL",
        "PYTHON_IMAGE",
        "REQUEST_DEADLINE_SECONDS",
        "SCHEMA_WAIT_SECONDS",
        "SETTINGS_FILE",
        "TRACE_PROVIDERS",
        "TRUSTED_PROXIES",
        "WORKER_HEALTH_HOST",
        "WORKER_HEALTH_PORT",
        "WORKER_IMAGE",
        "WORKER_STOP_GRACE_PERIOD",
    ]
)
"""What `.env.example` lists."""

DEVSTACK_NAMES = frozenset({"KAFKA_PORT", "POSTGRES_PORT", "POSTGRES_BIN", "STATE_DIR"})

_KAFKA = "KAFKA_"
_OTEL = "OTEL_"
"""What begins so belongs to OpenTelemetry, which has a hundred more of them."""

_NEARNESS = 0.85
_NEARNESS_OF_SECONDS = 0.8
_NEARNESS_OF_KAFKA = 0.6
_SERVICE_LINK = re.compile(r"^KAFKA.*(_SERVICE_(HOST|PORT)|_PORT(_\d+_(TCP|UDP).*)?$)")
"""What Kubernetes tells a container of a service that is named kafka."""


def unknown_settings(
    environment: Mapping[str, str], *, providers: tuple[str, ...]
) -> Iterator[tuple[str, str | None]]:
    """Yield each variable that seems to be meant as a setting and is none, with the nearest name.

    That is anything that begins with `KAFKA_`, and what is spelt nearly like a setting; every one
    of `providers` has settings of its own.
    """
    own = (_OTEL, *(f"{provider.upper()}_" for provider in providers))
    for name in sorted({name.upper() for name in environment} - NAMES - DEVSTACK_NAMES):
        if name.startswith(own) or _SERVICE_LINK.search(name):
            continue
        nearest = _nearest(name)
        if nearest or name.startswith(_KAFKA):
            yield name, nearest


def _nearest(name: str) -> str | None:
    if name.startswith(_KAFKA):  # which is no likeness: all of them begin so
        rests = [known.removeprefix(_KAFKA) for known in NAMES if known.startswith(_KAFKA)]
        near = get_close_matches(name.removeprefix(_KAFKA), rests, 1, _NEARNESS_OF_KAFKA)
        return f"{_KAFKA}{near[0]}" if near else None
    nearness = _NEARNESS_OF_SECONDS if name.endswith("_SECONDS") else _NEARNESS
    near = get_close_matches(name, NAMES, 1, nearness)
    return near[0] if near else None
