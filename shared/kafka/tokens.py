"""Tokens of OAUTHBEARER: asked of a command or of a token address, kept until they are old."""

import asyncio
import base64
import binascii
import json
import shlex
import time
from abc import abstractmethod
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from shared.kafka.security_settings import KafkaSecuritySettings

_ASK_SECONDS = 10.0
_KILL_SECONDS = 1.0
_KEPT_SHARE = 0.8
"""The share of a token's life after which it is asked for anew: none expires on its way."""
_UNKNOWN_LIFE_SECONDS = 60.0


class TokenUnavailable(KafkaError):  # type: ignore[misc]
    """There is no token; the message says why.

    A KafkaError, because aiokafka takes any other exception of a token provider for a bug, and
    its task that looks after the connections ends by it.
    """


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and for how long it is good."""

    text: str
    seconds: float

    @classmethod
    def from_answer(cls, answer: str) -> "Token":
        """Read the JSON of a token address (RFC 6749, section 5.1), or a token that stands alone.

        Raises:
            ValueError: there is no token in it.
        """
        text, seconds = answer.strip(), None
        if text.startswith("{"):
            members = json.loads(text)
            text, seconds = members.get("access_token"), members.get("expires_in")
        if not isinstance(text, str) or not text or not text.isascii() or len(text.split()) > 1:
            raise ValueError("it holds no token")
        return cls(text, float(seconds) if seconds is not None else _life_of(text))


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Gives all connections of a process the same token, and a new one in time."""

    def __init__(self) -> None:
        self._token = ""
        self._good_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def token(self) -> str:
        """Return a token that is good for a while.

        Raises:
            TokenUnavailable: none can be had.
        """
        async with self._one_at_a_time:
            if time.monotonic() >= self._good_until:
                token = await self._ask_in_time()
                self._token = token.text
                self._good_until = time.monotonic() + token.seconds * _KEPT_SHARE
            return self._token

    async def _ask_in_time(self) -> Token:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return Token.from_answer(await self.ask())
        except TimeoutError as error:
            raise TokenUnavailable(f"{self.source}: no answer in {_ASK_SECONDS:g} s") from error
        except (OSError, ValueError, TypeError) as error:
            raise TokenUnavailable(f"{self.source}: {error}") from error

    source: str
    """The setting that the tokens come by."""

    @abstractmethod
    async def ask(self) -> str:
        """Ask for a token and return the answer as it came.

        Raises:
            OSError, ValueError: there is none.
        """


class CommandTokens(TokenProvider):
    """Tokens that a command prints: the token alone, or the JSON of a token address."""

    source = "KAFKA_OAUTH_TOKEN_COMMAND"

    def __init__(self, command: str) -> None:
        super().__init__()
        self._command = shlex.split(command)

    async def ask(self) -> str:
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        try:
            said, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                await _kill(process)
        if process.returncode:
            reason = " ".join(complaint.decode(errors="replace").split())[-200:]
            raise ValueError(f"it left with status {process.returncode} ({reason})")
        return said.decode()


class ClientCredentials(TokenProvider):
    """Tokens for the credentials of a client (RFC 6749, section 4.4).

    The secret is asked for each token: its file may have changed.
    """

    source = "KAFKA_OAUTH_TOKEN_URL"

    def __init__(
        self, url: str, *, client_id: str, secret: Callable[[], str], scope: str | None
    ) -> None:
        super().__init__()
        self._url = url
        self._client_id, self._secret = client_id, secret
        self._form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})

    async def ask(self) -> str:
        import httpx  # noqa: PLC0415 - 5 MB that the API needs for nothing else

        secret = await asyncio.to_thread(self._secret)
        credentials = quote_plus(self._client_id), quote_plus(secret)  # RFC 6749, section 2.3.1
        try:
            async with httpx.AsyncClient() as client:
                answer = await client.post(self._url, data=self._form, auth=credentials)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        if answer.is_error:
            raise ValueError(f"it answered {answer.status_code} {_fault(answer.text)}".rstrip())
        return answer.text


def token_provider(settings: KafkaSecuritySettings) -> TokenProvider:
    """Make the source of tokens that the settings name."""
    if settings.kafka_oauth_token_command:
        return CommandTokens(settings.kafka_oauth_token_command)
    return ClientCredentials(
        settings.kafka_oauth_token_url or "",
        client_id=settings.kafka_oauth_client_id or "",
        secret=lambda: settings.oauth_client_secret or "",
        scope=settings.kafka_oauth_scope,
    )


async def _kill(process: Process) -> None:
    """Kill a command; one that has left its output to others is not waited for."""
    with suppress(ProcessLookupError, TimeoutError):
        process.kill()
        async with asyncio.timeout(_KILL_SECONDS):
            await process.wait()


def _life_of(token: str) -> float:
    """Read how long a token is good where it is a JWT; else it is asked for every minute."""
    claims = _claims_of(token)
    now = time.time()
    expires, issued = claims.get("exp"), claims.get("iat", now)
    if isinstance(expires, int | float) and isinstance(issued, int | float):
        return max(0.0, min(expires - issued, expires - now))  # a command may have kept it
    return _UNKNOWN_LIFE_SECONDS


def _claims_of(token: str) -> dict[str, Any]:
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _fault(body: str) -> str:
    """Read the error of a token address (RFC 6749, section 5.2); the rest may hold anything."""
    try:
        members = json.loads(body)
    except ValueError:
        return ""
    return str(members.get("error", ""))[:100] if isinstance(members, dict) else ""
