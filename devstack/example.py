"""Submit one example request through the public API and watch it to its end."""

import json
import time
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from devstack.errors import DevstackError

_PATH = "/sentences/generate"
_BODY: dict[str, Any] = {"count": 3, "constraints": {"tenses_used": ["imparfait"]}}
_FINAL = {"completed", "partial", "failed", "cancelled"}
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 180.0


def show_example(api_url: str, console: Console) -> str:
    """Return the status that the example ended with, having shown its entities as they landed."""
    with httpx.Client(base_url=api_url, trust_env=False, timeout=10) as client:
        try:
            accepted = client.post(_PATH, json=_BODY).raise_for_status()
            location = httpx.URL(api_url).join(accepted.headers["Location"])
            console.print(f"POST {_PATH} -> {accepted.status_code}, {location}", highlight=False)
            return _watch(client, location, console)
        except httpx.HTTPError as error:
            raise DevstackError(f"the example request failed: {error}") from error


def next_request(api_url: str) -> str:
    """Return a command that asks for more."""
    return f"curl -i {api_url}{_PATH} -H 'Content-Type: application/json' -d '{json.dumps(_BODY)}'"


def _watch(client: httpx.Client, location: httpx.URL, console: Console) -> str:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    deadline = time.monotonic() + _PATIENCE_SECONDS
    shown: list[dict[str, Any]] = []
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("pending", total=_BODY["count"])
        while True:
            record = client.get(location).raise_for_status().json()
            landed = [entity for entity in record["entities"] if entity not in shown]
            for entity in landed:
                console.print(f"  {_in_words(entity)}", highlight=False, markup=False)
            shown += landed
            progress.update(bar, completed=record["generated_count"], description=record["status"])
            if record["status"] in _FINAL or time.monotonic() > deadline:
                return str(record["status"])
            time.sleep(_POLL_SECONDS)


def _in_words(sentence: dict[str, Any]) -> str:
    return f"{sentence['content']}  –  {sentence['translation']}"
