"""The settings of a secured connection to Kafka, and which of them fit together."""

import shlex
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from shared.secret_files import read_secret, why_unreadable

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class KafkaSecuritySettings(BaseModel):
    """How a client proves who it is, and how it knows the brokers.

    A secret is a variable, or the content of the file that `…_FILE` names.
    """

    kafka_security_protocol: SecurityProtocol = Field(
        "PLAINTEXT",
        description="PLAINTEXT, SSL (TLS), SASL_SSL (a login over TLS) or SASL_PLAINTEXT.",
    )
    kafka_ssl_ca_file: Path | None = Field(
        None,
        description="Certificates (PEM) that the brokers' are signed by; empty: the system's.",
    )
    kafka_ssl_certificate_file: Path | None = Field(
        None, description="Certificate (PEM) that the client shows to the brokers (mTLS)."
    )
    kafka_ssl_key_file: Path | None = Field(
        None, description="Its private key (PEM); empty: it stands in the same file."
    )
    kafka_ssl_key_password: SecretStr | None = Field(
        None, description="Password of the private key, where it has one."
    )
    kafka_ssl_key_password_file: Path | None = Field(
        None, description="File with the password of the private key."
    )
    kafka_sasl_mechanism: Mechanism | None = Field(
        None, description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER."
    )
    kafka_sasl_username: str | None = Field(
        None, description="User of the login, for PLAIN and SCRAM."
    )
    kafka_sasl_password: SecretStr | None = Field(
        None, description="Password of the login, for PLAIN and SCRAM."
    )
    kafka_sasl_password_file: Path | None = Field(
        None, description="File with the password of the login."
    )
    kafka_oauth_token_command: str | None = Field(
        None,
        description="Command that prints a token for OAUTHBEARER; it is run without a shell.",
    )
    kafka_oauth_token_url: str | None = Field(
        None,
        description="Address that gives tokens for client credentials (OAuth 2.0).",
        pattern=r"^https?://\S+$",
    )
    kafka_oauth_client_id: str | None = Field(
        None, description="Id of the client, for KAFKA_OAUTH_TOKEN_URL."
    )
    kafka_oauth_client_secret: SecretStr | None = Field(
        None, description="Secret of the client, for KAFKA_OAUTH_TOKEN_URL."
    )
    kafka_oauth_client_secret_file: Path | None = Field(
        None, description="File with the secret of the client."
    )
    kafka_oauth_scope: str | None = Field(
        None, description="Scope that is asked for, where the address needs one."
    )

    @property
    def has_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def has_sasl(self) -> bool:
        """Whether the client logs in."""
        return self.kafka_security_protocol.startswith("SASL_")

    @property
    def sasl_password(self) -> str | None:
        """The password of the login."""
        return _secret(self.kafka_sasl_password, self.kafka_sasl_password_file)

    @property
    def oauth_client_secret(self) -> str | None:
        """The secret of the client that asks for tokens; its file is read each time."""
        return _secret(self.kafka_oauth_client_secret, self.kafka_oauth_client_secret_file)

    def tls(self) -> ssl.SSLContext | None:
        """Make the context of the connections; None where they are not encrypted.

        Raises:
            OSError: a file is missing, holds no certificate, or its key does not fit.
        """
        if not self.has_tls:
            return None
        context = ssl.create_default_context(cafile=self.kafka_ssl_ca_file)
        if self.kafka_ssl_certificate_file:
            password = _secret(self.kafka_ssl_key_password, self.kafka_ssl_key_password_file)
            # With a password in any case: else OpenSSL would ask the terminal for it.
            context.load_cert_chain(
                self.kafka_ssl_certificate_file, self.kafka_ssl_key_file, password or ""
            )
        return context

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        faults = [*self._misplaced(), *self._missing(), *self._unreadable()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _misplaced(self) -> Iterator[str]:
        """Name what is set and would be ignored: a login that seems to be there and is not."""
        if not self.has_tls:
            yield from self._without_effect("kafka_ssl_", "KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL")
        elif not self.kafka_ssl_certificate_file:
            yield from self._without_effect("kafka_ssl_key_", "KAFKA_SSL_CERTIFICATE_FILE")
        if not self.has_sasl:
            needed = "KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT"
            yield from self._without_effect("kafka_sasl_", needed)
        if self.kafka_sasl_mechanism != "OAUTHBEARER":
            yield from self._without_effect("kafka_oauth_", "KAFKA_SASL_MECHANISM=OAUTHBEARER")
        elif self.has_sasl:
            for name in ("kafka_sasl_username", "kafka_sasl_password"):
                yield from self._without_effect(name, "PLAIN or SCRAM as KAFKA_SASL_MECHANISM")
        for name in ("kafka_sasl_password", "kafka_oauth_client_secret", "kafka_ssl_key_password"):
            if getattr(self, name) and getattr(self, f"{name}_file"):
                yield f"{name.upper()}: is set beside {name.upper()}_FILE; set one of them"

    def _without_effect(self, prefix: str, needed: str) -> Iterator[str]:
        for name in KafkaSecuritySettings.model_fields:
            if name.startswith(prefix) and getattr(self, name) is not None:
                yield f"{name.upper()}: has no effect without {needed}"

    def _missing(self) -> Iterator[str]:
        if not self.has_sasl:
            return
        match self.kafka_sasl_mechanism:
            case None:
                yield f"KAFKA_SASL_MECHANISM: is needed for {self.kafka_security_protocol}"
            case "OAUTHBEARER":
                yield from self._missing_of_oauth()
            case mechanism:
                if not self.kafka_sasl_username:
                    yield f"KAFKA_SASL_USERNAME: is needed for {mechanism}"
                if not (self.kafka_sasl_password or self.kafka_sasl_password_file):
                    yield f"KAFKA_SASL_PASSWORD: is needed for {mechanism}"

    def _missing_of_oauth(self) -> Iterator[str]:
        if bool(self.kafka_oauth_token_command) == bool(self.kafka_oauth_token_url):
            yield "KAFKA_OAUTH_TOKEN_COMMAND: set either it or KAFKA_OAUTH_TOKEN_URL"
        if self.kafka_oauth_token_command:
            try:
                shlex.split(self.kafka_oauth_token_command)
            except ValueError as error:
                yield f"KAFKA_OAUTH_TOKEN_COMMAND: {error}"
        if self.kafka_oauth_token_url:
            if not self.kafka_oauth_client_id:
                yield "KAFKA_OAUTH_CLIENT_ID: is needed for KAFKA_OAUTH_TOKEN_URL"
            if not (self.kafka_oauth_client_secret or self.kafka_oauth_client_secret_file):
                yield "KAFKA_OAUTH_CLIENT_SECRET: is needed for KAFKA_OAUTH_TOKEN_URL"

    def _unreadable(self) -> Iterator[str]:
        unread = False
        for name in KafkaSecuritySettings.model_fields:
            path = getattr(self, name) if name.endswith("_file") else None
            if path and (reason := why_unreadable(path)):
                unread = True
                yield f"{name.upper()}: {path} {reason}"
        if not unread:
            yield from self._refused_certificates()

    def _refused_certificates(self) -> Iterator[str]:
        try:
            self.tls()
        except OSError as error:
            yield f"the files of KAFKA_SSL_…: OpenSSL refuses them ({error.strerror or error})"


def _secret(value: SecretStr | None, file: Path | None) -> str | None:
    if value is not None:
        return value.get_secret_value()
    return read_secret(file) if file else None
