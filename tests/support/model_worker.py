"""A worker that asks the model of the tests over HTTP, and that a signal can meet at any point."""

import asyncio
import os
import sys
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvloop
from pydantic import Field
from uuid_utils.compat import uuid7

from schemas.usage import Tokens
from shared.config import Environment, load
from shared.errors import ErrorCode
from shared.http.server import listen
from shared.runtime.logging import configure
from tests.support import crash_points
from tests.support.model_server import CALL_ID, PATH, PROCESS
from worker_service.config import WorkerSettings
from worker_service.generation import calls
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.providers import (
    AccountFault,
    Call,
    Completion,
    Spent,
    TransientError,
)
from worker_service.worker import make_tools, run_worker

CALL_SECONDS = 8.0
POLICY = RetryPolicy(call_attempts=3, first_wait=0.1, longest_wait=0.5, longest_retry_after=2.0)

_call_id: ContextVar[UUID] = ContextVar("call_id")
"""The id that the row of the call under way will have."""


class ModelSettings(Environment):
    """Where the model is, the key that tells this worker from others, and its orders."""

    model_url: str = Field(description="Address of the model.")
    model_key: str = Field(description="Key of this worker.")
    crash_orders: Path = Field(description="Where its orders are found.")


class OutsideModel:
    """Ask the model over HTTP."""

    name = "demo"
    credential = "test"

    def __init__(self, settings: ModelSettings) -> None:
        self._client = httpx.AsyncClient(
            base_url=settings.model_url,
            headers={
                "Authorization": f"Bearer {settings.model_key}",
                PROCESS: str(os.getpid()),
            },
            timeout=None,  # noqa: S113 - the whole call is bounded instead
            limits=httpx.Limits(),
        )

    async def complete(self, call: Call, spent: Spent) -> Completion:
        messages = [
            {"role": "system", "content": call.prompt.system},
            {"role": "user", "content": call.prompt.user},
        ]
        try:
            async with asyncio.timeout(CALL_SECONDS):
                answer = await self._client.post(
                    PATH, json={"messages": messages}, headers={CALL_ID: str(_call_id.get())}
                )
        except TimeoutError as error:
            raise TransientError(ErrorCode.TIMEOUT, "no answer in time") from error
        except httpx.TransportError as error:
            raise TransientError(ErrorCode.PROVIDER_UNAVAILABLE, repr(error)) from error
        return _completion(answer, spent)

    async def close(self) -> None:
        await self._client.aclose()


def _completion(answer: httpx.Response, spent: Spent) -> Completion:
    match answer.status_code:
        case 200:
            return _read(answer.json(), spent)
        case 401:
            raise AccountFault(f"the model refuses the key {answer.text}")
        case 429:
            wish = float(answer.headers["Retry-After"])
            raise TransientError(
                ErrorCode.RATE_LIMITED, f"slow down {answer.text}", retry_after=wish
            )
        case status:
            raise TransientError(ErrorCode.PROVIDER_UNAVAILABLE, f"status {status} {answer.text}")


def _read(body: dict[str, Any], spent: Spent) -> Completion:
    (choice,) = body["choices"]
    counted = body["usage"]
    spent.tokens = Tokens(
        input_tokens=counted["prompt_tokens"], output_tokens=counted["completion_tokens"]
    )
    return Completion(text=choice["message"]["content"], finish_reason=choice["finish_reason"])


def _note_call_ids() -> None:
    """Tell the model which row each call will be, so that both can be compared one by one."""

    def made() -> UUID:
        call_id = uuid7()
        _call_id.set(call_id)
        return call_id

    setattr(calls, "uuid7", made)  # noqa: B010 - a stand-in


def main() -> None:
    settings, model = load(WorkerSettings), load(ModelSettings)
    configure(settings, service="worker")
    _note_call_ids()
    crash_points.install(crash_points.Orders(model.crash_orders))
    tools = replace(make_tools(settings), providers={"demo": OutsideModel(model)}, policy=POLICY)
    listening = listen(settings.worker_health_host, settings.worker_health_port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(run_worker(settings, tools, listening)))


if __name__ == "__main__":
    main()
