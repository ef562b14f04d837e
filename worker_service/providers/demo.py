"""The provider `demo`, where the package `demo_provider` is installed: no release image has it."""

import asyncio
import json
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from schemas.entity import ConstraintsBase
from schemas.usage import Tokens
from shared.errors import ErrorCode
from worker_service.providers import Call, Completion, PermanentError, Spent


class DemoPackage(Protocol):
    """What the package offers."""

    UnsupportedConstraints: type[Exception]

    def make(
        self, entity_type: str, constraints: ConstraintsBase, *, seed: int, ordinal: int
    ) -> dict[str, Any]: ...


def is_installed() -> bool:
    """Look for the package without importing it."""
    return find_spec("demo_provider") is not None


class Demo:
    """Answer without a model, after `latency_seconds`; tokens are counted as words."""

    name = "demo"
    credential = ""

    def __init__(self, *, latency_seconds: float) -> None:
        self._package = cast("DemoPackage", import_module("demo_provider"))
        self._latency_seconds = latency_seconds

    async def complete(self, call: Call, spent: Spent) -> Completion:
        """Make one entity; the same call always gets the same one."""
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        try:
            content = self._package.make(
                call.entity_type, call.constraints, seed=call.seed, ordinal=call.ordinal
            )
        except self._package.UnsupportedConstraints as error:
            raise PermanentError(ErrorCode.UNSUPPORTED, str(error)) from error
        text = json.dumps(content, ensure_ascii=False)
        spent.tokens = Tokens(
            input_tokens=len(call.prompt.user.split()) + len(call.prompt.system.split()),
            output_tokens=len(text.split()),
        )
        return Completion(text=text)

    async def close(self) -> None:
        """There is nothing to close."""
