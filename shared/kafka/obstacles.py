"""Say in one line why Kafka does not let a client in, and which setting may be wrong."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from shared.kafka.tokens import TokenUnavailable

_CLIENT_CERTIFICATE_ALERTS = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a broker has not let a client in.

    `refusal` is the kind of error that waits for a person to correct something; None: an outage.
    """

    reason: str
    refusal: type[BaseException] | None = None

    def __str__(self) -> str:
        return self.reason


def obstacle_of(error: BaseException, broker: str) -> Obstacle:
    """Name the broker, what it has against the client, and what to look at."""
    for cause in reversed([*_causes(error)]):
        if refusal := _refusal(cause):
            return Obstacle(f"{broker}: {refusal}", type(cause))
    if isinstance(error, KafkaConnectionError | ConnectionResetError):
        ended = "it ends the connection; if it runs, correct KAFKA_SECURITY_PROTOCOL or the port"
        return Obstacle(f"{broker}: {ended}")
    return Obstacle(f"{broker}: {_text(error)}")


def _refusal(error: BaseException) -> str | None:
    match error:
        case ssl.SSLError():
            return _refusal_of_tls(error)
        case TokenUnavailable():
            return f"there is no token to log in with: {_text(error)}"
        case SaslAuthenticationFailed():
            return f"the login is refused ({_text(error)}): correct KAFKA_SASL_… or KAFKA_OAUTH_…"
        case UnsupportedSaslMechanismError():
            return "the broker does not have this login: correct KAFKA_SASL_MECHANISM"
        case IllegalSaslStateError():
            return "the broker wants no login: correct KAFKA_SECURITY_PROTOCOL or the port"
        case _:
            return None


def _refusal_of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused ({error.verify_message}): {_remedy(error)}"
    if any(alert in str(error) for alert in _CLIENT_CERTIFICATE_ALERTS):
        return "it refuses the client's certificate: correct KAFKA_SSL_CERTIFICATE_FILE"
    return f"there is no TLS ({_text(error)}): correct KAFKA_SECURITY_PROTOCOL or the port"


def _remedy(error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:
        case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
            return "use a name of the certificate in KAFKA_BOOTSTRAP_SERVERS"
        case 10:  # X509_V_ERR_CERT_HAS_EXPIRED
            return "renew it"
        case _:
            return "correct KAFKA_SSL_CA_FILE"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _text(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not error.args:
        return "no answer in time"
    said = " ".join(str(argument) for argument in error.args) or type(error).__name__
    return " ".join(said.split())
