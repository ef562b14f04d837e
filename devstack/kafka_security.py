"""Listeners of the broker that require a login or a certificate, for tests."""

from collections.abc import Mapping
from dataclasses import dataclass

from devstack.certificates import Authority

BROKER = "broker"
LOGIN, MUTUAL, EXPIRED = "LOGIN", "MUTUAL", "EXPIRED"
_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """Listeners with TLS: one for logins, one for client certificates, one that has expired.

    On the plain listener everything is allowed. Here it is to `superusers` alone, and to the others
    what their access control lists say. Tokens are unsigned: any that is well formed is taken.
    """

    login_port: int
    mutual_port: int
    expired_port: int
    authority: Authority
    passwords: Mapping[str, str]
    superusers: frozenset[str]

    @property
    def ports(self) -> dict[str, int]:
        """The port of each listener by its name."""
        return {LOGIN: self.login_port, MUTUAL: self.mutual_port, EXPIRED: self.expired_port}

    @property
    def protocols(self) -> dict[str, str]:
        """The security protocol of each listener by its name."""
        return {LOGIN: "SASL_SSL", MUTUAL: "SSL", EXPIRED: "SSL"}

    def format_options(self) -> list[str]:
        """Return what SCRAM's passwords are written into the storage with."""
        return [
            word
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for name, password in self.passwords.items()
            for word in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
        ]

    def make_certificates(self) -> None:
        """Make what the broker shows to its clients, for the loopback address alone."""
        self.authority.sign(BROKER, alternatives="IP:127.0.0.1")
        self.authority.sign(EXPIRED, alternatives="IP:127.0.0.1", days=-1)

    def settings(self) -> dict[str, str]:
        """Return the settings of the listeners, of who may log in, and of what they may do."""
        users = " ".join(f'user_{name}="{password}"' for name, password in self.passwords.items())
        superusers = ";".join(f"User:{name}" for name in ("ANONYMOUS", *sorted(self.superusers)))
        login, mutual = (f"listener.name.{name.lower()}" for name in (LOGIN, MUTUAL))
        plain = f"{_MODULES}.plain.PlainLoginModule required"
        oauth = f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.authority.folder / f"{BROKER}.pem"),
            f"listener.name.{EXPIRED.lower()}.ssl.keystore.location": str(
                self.authority.folder / f"{EXPIRED}.pem"
            ),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.certificate),
            f"{mutual}.ssl.client.auth": "required",
            f"{mutual}.ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
            f"{login}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            f"{login}.plain.sasl.jaas.config": f"{plain} {users};",
            **{
                f"{login}.scram-sha-{bits}.sasl.jaas.config": (
                    f"{_MODULES}.scram.ScramLoginModule required;"
                )
                for bits in (256, 512)
            },
            f"{login}.oauthbearer.sasl.jaas.config": f'{oauth} unsecuredLoginStringClaim_sub="x";',
            f"{login}.oauthbearer.connections.max.reauth.ms": "60000",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": superusers,
        }
