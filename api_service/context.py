"""What the routes need of the process that serves them."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api_service.config import ApiSettings
from api_service.generation_requests.submit import Submissions
from shared.kafka.publisher import Publisher
from shared.postgres.database import Database
from shared.tracing import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """The connections and settings of an API process."""

    settings: ApiSettings
    database: Database
    publisher: Publisher
    submissions: Submissions
    draining: asyncio.Event
    tracer: Tracer | None = None


def context_of(request: Request) -> AppContext:
    context: AppContext = request.app.state.context
    return context


Context = Annotated[AppContext, Depends(context_of)]
"""The context as a parameter of an ordinary route; one on the fast path calls `context_of`."""
