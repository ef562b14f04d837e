"""A mock of model servers that others wrote: OpenAI's, OpenRouter's, Ollama's, Anthropic's.

What it answers is picked by a word in the last message of the user, else by the entity type that
the system message speaks of; the words stand in `tests/model_servers/answers.json`.
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo_provider import make
from devstack.children import Child, Program
from devstack.installation import find_cache_dir
from devstack.locks import held_lock
from devstack.ports import pick_free_port
from schemas.entities import ENTITY_TYPES
from tests.support.model_calls import prompt_of

KEY = "sk-mock-8d1f5c0e"
_FOLDER = Path(__file__).parents[1] / "model_servers"
_INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
_PROGRAM = Path("node_modules", "@copilotkit", "aimock", "dist", "cli.js")
_START_SECONDS = 60.0
_INSTALL_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class MockServer:
    """A running mock; `KEY` is the only key that it takes."""

    url: str

    def asked(self, word: str) -> list[dict[str, Any]]:
        """Return the bodies of the calls so far that have a word in one of their messages."""
        answer = httpx.get(f"{self.url}/__aimock/journal", headers=_authorized())
        bodies = [entry["body"] for entry in answer.json() if isinstance(entry["body"], dict)]
        return [body for body in bodies if word in json.dumps(body.get("messages"))]

    def fail_once(self, status: int) -> None:
        """Answer the next call with an error."""
        error = {"status": status, "body": {"message": "once", "type": "server_error"}}
        httpx.post(f"{self.url}/__aimock/error", json=error, headers=_authorized())


def _authorized() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEY}"}


@contextmanager
def running_mock(folder: Path, *, upstream: str | None = None) -> Iterator[MockServer]:
    """Start the mock, or skip the test where Node is missing or nothing can be fetched.

    What no word picks is answered by the server `upstream`, if there is one; it is given the key
    that comes along, and the mock minds none.
    """
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("the mock of model servers needs Node.js and npm")
    program = _installed() / _PROGRAM
    answers = folder / "answers.json"
    fixtures = [*_worded(), *([] if upstream else _entities())]
    answers.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
    others = ("--proxy-only", "--provider-openai", upstream) if upstream else ("--strict",)
    port = str(pick_free_port())
    child = Child(
        Program(
            command=[node, program, "-h", "127.0.0.1", "-p", port, "-f", answers, *others],
            log=folder / "mock.log",
            env=os.environ | ({} if upstream else {"AIMOCK_API_KEYS": KEY}),
            cwd=folder,
        )
    )
    try:
        server = MockServer(f"http://127.0.0.1:{port}")
        _wait_until_it_answers(server, child)
        yield server
    finally:
        child.kill()


def _installed() -> Path:
    lock = (_FOLDER / "package-lock.json").read_bytes()
    home = find_cache_dir() / "model_servers" / f"mock-{hashlib.sha256(lock).hexdigest()[:16]}"
    with held_lock(home.parent / "lock"):
        if not (home / _PROGRAM).exists():
            _install(home)
    return home


def _install(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_FOLDER / name, home)
    done = subprocess.run(
        _INSTALL, cwd=home, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
    )
    if done.returncode:
        shutil.rmtree(home)
        pytest.skip(f"the mock of model servers cannot be installed: {done.stderr.strip()[-300:]}")


def _worded() -> Iterator[dict[str, Any]]:
    """Read the answers that a word picks, in their order."""
    answers: dict[str, Any] = json.loads((_FOLDER / "answers.json").read_text(encoding="utf-8"))
    for word, answer in answers.items():
        yield {"match": {"userMessage": word.partition(" ")[0]}, **answer}


def _entities() -> Iterator[dict[str, Any]]:
    """Answer every other call with a valid entity of the type that its prompt asks for."""
    for name, entity_type in ENTITY_TYPES.items():
        constraints = entity_type.constraints()
        yield {
            "match": {"systemMessage": prompt_of(name, constraints).system},
            "response": {
                "content": json.dumps(make(name, constraints, seed=1, ordinal=0)),
                "reasoning": "Let me think.",
                "usage": {
                    "prompt_tokens": 11,
                    "completion_tokens": 7,
                    "completion_tokens_details": {"reasoning_tokens": 3},
                },
            },
        }


def _wait_until_it_answers(server: MockServer, child: Child) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while child.status is None and time.monotonic() < deadline:
        try:
            server.asked("")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(child.last_words())
