"""Say in one line why PostgreSQL does not let a client in, and what to correct in DATABASE_URL."""

import ssl

import asyncpg

_CLIENT_CERTIFICATE_ALERTS = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "EXPIRED")
_IN_URL = "in DATABASE_URL"


def reason_of(error: BaseException) -> str:
    """Say why a connection failed: what is refused, and what to correct, or the error itself."""
    return refusal_of(error) or f"{type(error).__name__}: {text_of(error)}"


def refusal_of(error: BaseException) -> str | None:
    """Say why TLS or the login was refused; None for any other failure."""
    match error:
        case ssl.SSLCertVerificationError():
            reason = f"the server's certificate is refused ({error.verify_message})"
            return f"{reason}: {_remedy(error)}"
        case ssl.SSLError():
            return _refusal_of_tls(error)
        case ConnectionError() if "rejected SSL" in str(error):
            return f"the server has no TLS: turn its `ssl` on, or correct sslmode {_IN_URL}"
        case asyncpg.InvalidAuthorizationSpecificationError():
            return f"the login is refused ({text_of(error)}){_remedy_of_login(error)}"
        case asyncpg.ConnectionDoesNotExistError(__cause__=ssl.SSLError() as cause):
            return _refusal_of_tls(cause)
        case _:
            return None


def text_of(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())


def _refusal_of_tls(error: ssl.SSLError) -> str:
    if any(alert in str(error) for alert in _CLIENT_CERTIFICATE_ALERTS):
        return f"the client's certificate is refused: correct sslcert and sslkey {_IN_URL}"
    files = "correct the files of sslrootcert, sslcert and sslkey"
    return f"TLS fails ({text_of(error)}): {files} {_IN_URL}"


def _remedy(error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:
        case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
            return f"use a name of the certificate {_IN_URL}"
        case 10:  # X509_V_ERR_CERT_HAS_EXPIRED
            return "renew it"
        case _:
            return f"correct sslrootcert {_IN_URL}"


def _remedy_of_login(error: asyncpg.InvalidAuthorizationSpecificationError) -> str:
    """Name the parameter that is missing; of a password or a role the server says enough."""
    if "no encryption" in str(error):
        return f": set sslmode=require {_IN_URL}"
    if "certificate" in str(error):
        return f": set sslcert and sslkey {_IN_URL} to a certificate of this user"
    return ""
