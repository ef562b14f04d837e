"""Tokens of OAUTHBEARER: asked for once, kept while they are good, and a sentence where none is."""

import asyncio
import base64
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from starlette.responses import Response

from shared.kafka import tokens
from shared.kafka.tokens import ClientCredentials, CommandTokens, Token, TokenUnavailable
from tests.support.token_issuer import Issuer


def a_jwt(**claims: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.signature"


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ("opaque\n", Token("opaque", 60)),
        (a_jwt(iat=1000, exp=1300), Token(a_jwt(iat=1000, exp=1300), 0)),  # has expired
        ("not.a!.jwt", Token("not.a!.jwt", 60)),
        ('{"access_token": "t", "expires_in": 120}', Token("t", 120)),
        ('{"access_token": "t"}', Token("t", 60)),
    ],
)
def test_a_token_is_read_with_its_life(answer: str, token: Token):
    assert Token.from_answer(answer) == token


def test_a_token_that_was_kept_before_is_good_for_what_is_left_of_it():
    now = time.time()

    kept = Token.from_answer(a_jwt(iat=now - 3000, exp=now + 600))

    assert kept.seconds == pytest.approx(600, abs=5)


@pytest.mark.parametrize("answer", ["", "two words", "{}", '{"access_token": 1}', "{", "é"])
def test_what_is_no_token_is_refused(answer: str):
    with pytest.raises(ValueError, match=r".+"):
        Token.from_answer(answer)


async def test_a_command_is_asked_once_for_all_connections(tmp_path: Path):
    log = tmp_path / "asked"
    program = f"open('{log}', 'a').write('.'); print('token')"
    provider = CommandTokens(f'{sys.executable} -c "{program}"')

    given = await asyncio.gather(*(provider.token() for _ in range(5)))

    assert (given, log.read_text(encoding="utf-8")) == (["token"] * 5, ".")


async def test_a_token_is_asked_for_anew_before_it_expires(monkeypatch: pytest.MonkeyPatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    provider = Counting()
    given = []

    for clock.now in (0.0, 79.0, 80.0):
        given.append(await provider.token())

    assert given == ["1", "1", "2"]


class Counting(tokens.TokenProvider):
    source = "A TEST"

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def ask(self) -> str:
        self.asked += 1
        return json.dumps({"access_token": str(self.asked), "expires_in": 100})


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("false", r"it left with status 1 \(\)"),
        (f"{sys.executable} -c \"import sys; sys.exit('no cloud')\"", r"status 1 \(no cloud\)"),
        ("/no/such/program", "No such file"),
        ("true", "it holds no token"),
    ],
)
async def test_a_command_without_a_token_is_an_error_that_kafkas_client_outlives(
    command: str, reason: str
):
    with pytest.raises(TokenUnavailable, match=f"KAFKA_OAUTH_TOKEN_COMMAND: .*{reason}") as raised:
        await CommandTokens(command).token()

    assert isinstance(raised.value, KafkaError)


async def test_a_command_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tokens, "_ASK_SECONDS", 0.05)

    with pytest.raises(TokenUnavailable, match=r"no answer in 0\.05 s"):
        await CommandTokens("sleep 60").token()


HUSHED = "hush"


def credentials(url: str) -> ClientCredentials:
    return ClientCredentials(url, client_id="id", secret=lambda: HUSHED, scope="kafka")


async def test_credentials_are_exchanged_for_a_token_as_oauth_has_it():
    issuer = Issuer("t")
    async with issuer.served() as url:
        assert await credentials(url).token() == "t"

    basic = base64.b64encode(b"id:hush").decode()
    assert issuer.asked == [(f"Basic {basic}", "grant_type=client_credentials&scope=kafka")]


async def test_a_secret_that_has_changed_is_read_anew_for_the_next_token():
    issuer, secrets = Issuer("t"), iter(["old", "new"])
    async with issuer.served() as url:
        provider = ClientCredentials(url, client_id="id", secret=lambda: next(secrets), scope=None)
        await provider.ask()
        await provider.ask()

    basics = [base64.b64encode(f"id:{secret}".encode()).decode() for secret in ("old", "new")]
    assert [authorization for authorization, _ in issuer.asked] == [f"Basic {b}" for b in basics]


async def test_a_refusal_of_credentials_says_the_status_and_the_error_and_no_secret():
    issuer = Issuer("t")
    issuer.answer = Response('{"error": "invalid_client", "hint": "hush"}', status_code=401)
    async with issuer.served() as url:
        with pytest.raises(TokenUnavailable) as raised:
            await credentials(url).token()

    assert str(raised.value.args[0]) == "KAFKA_OAUTH_TOKEN_URL: it answered 401 invalid_client"


async def test_an_address_of_tokens_that_does_not_answer_is_an_error_of_its_own():
    with pytest.raises(TokenUnavailable, match=r"KAFKA_OAUTH_TOKEN_URL: ConnectError"):
        await credentials("http://127.0.0.1:1/token").token()
