"""What happens to the model as a whole; how it answers single calls is part of the load."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.chaos.environment import Environment
from tests.support.model_server import Mood, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUnwell:
    """The model turns every call away for a while.

    An attempt that it had answered wrongly before is made anew afterwards.
    """

    mood: Mood
    seconds: float

    @property
    def name(self) -> str:
        return f"model {self.mood.replace('_', ' ')}"

    async def inject(self, environment: Environment) -> bool:
        since, turned_away = time.time(), len(environment.model.turned_away)
        environment.model.mood = self.mood
        await asyncio.sleep(self.seconds)
        environment.model.mood = Mood.WELL
        asked = {call.item for call in environment.model.calls}
        wrongly = [i for i in asked if environment.load.script_of(i)[-1] is Verdict.SCHEMA_INVALID]
        environment.expose(environment.workers, since=since, items=wrongly)
        return len(environment.model.turned_away) > turned_away


def _unwell(draw: Random, *, mood: Mood) -> ModelUnwell:
    return ModelUnwell(mood=mood, seconds=draw.uniform(3, 10))


FAULTS: Sequence[Callable[[Random], ModelUnwell]] = tuple(
    partial(_unwell, mood=mood) for mood in Mood if mood is not Mood.WELL
)
