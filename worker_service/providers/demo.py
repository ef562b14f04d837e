"""The provider `demo`: offline, deterministic, for trying the service out without a key.

The generator of the entity type makes the text from a small lexicon. Tokens are counted as words.
"""

import asyncio
import json
from collections.abc import Mapping

from schemas.usage import Tokens
from shared.errors import ErrorCode
from worker_service.generators import Generator, UnsupportedConstraints
from worker_service.providers import Call, Completion, PermanentError


class Demo:
    """Make entities from the generators' own lexicon, `latency_seconds` each."""

    name = "demo"
    credential = ""

    def __init__(self, generators: Mapping[str, Generator], *, latency_seconds: float) -> None:
        self._generators = generators
        self._latency_seconds = latency_seconds

    async def complete(self, call: Call) -> Completion:
        """Make one entity; the same call always gets the same one."""
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        generator = self._generators[call.entity_type]
        try:
            content = generator.demo(call.constraints, seed=call.seed, ordinal=call.ordinal)
        except UnsupportedConstraints as error:
            raise PermanentError(ErrorCode.UNSUPPORTED, str(error)) from error
        text = json.dumps(content, ensure_ascii=False)
        tokens = Tokens(
            input_tokens=len(call.prompt.user.split()) + len(call.prompt.system.split()),
            output_tokens=len(text.split()),
        )
        return Completion(text=text, tokens=tokens)

    async def close(self) -> None:
        """There is nothing to close."""
