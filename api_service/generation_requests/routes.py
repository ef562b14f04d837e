"""The routes of generation requests, the typed ones made from the list of entity types."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from api_service.config import ApiSettings
from api_service.generation_requests.list import Filters, page
from api_service.generation_requests.read import Reading, find, path_of, pending
from api_service.generation_requests.submit import Ask, Promise, Submissions
from api_service.http.cursors import MAX_CURSOR_CHARACTERS
from api_service.http.problems import ProblemError, documented
from api_service.http.query import DEFAULT_LIMIT, Limit
from api_service.http.strict import StrictRoute
from api_service.http.trace_context import traceparent
from schemas.api import (
    Accepted,
    GenerationRequest,
    GenerationRequestPage,
    StatusName,
)
from schemas.entities import ENTITY_TYPES
from schemas.entity import EntityType
from schemas.states import Priority, Status
from schemas.submissions import EntityTypeName, Submission, asked, typed_submission
from shared.kafka.publisher import Publisher
from shared.postgres.database import Database

Json = dict[str, Any]
_HEADERS: dict[str, Json] = {
    "Location": {"description": "Where to poll.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds until a poll is worth while; none once the status is final.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "ETag": {
        "description": "For `If-None-Match`; another one with every change of the record.",
        "schema": {"type": "string"},
    },
}


def _answer(description: str, *headers: str) -> Json:
    return {"description": description, "headers": {name: _HEADERS[name] for name in headers}}


PROBLEMS: dict[int | str, Json] = {
    422: documented(
        422,
        "invalid_request",
        "the request does not fit what is expected",
        errors=[("Input should be less than or equal to 10", "#/count")],
    ),
    503: documented(
        503,
        "database_unavailable",
        "the database does not answer; nothing was lost, try again",
        headers={"Retry-After": {"schema": {"type": "integer", "minimum": 1}}},
    ),
    "default": documented(500, "unexpected", "an unexpected error; it was logged"),
}
_SUBMIT: dict[int | str, Json] = {
    202: _answer("Accepted: the request will be settled.", "Location", "Retry-After"),
    413: documented(413, "body_too_large", "a body may have 65,536 bytes"),
    415: documented(415, "unsupported_media_type", "send `Content-Type: application/json`"),
    **PROBLEMS,
}
_READ: dict[int | str, Json] = {
    200: _answer("The tracking record.", "ETag", "Retry-After"),
    304: _answer("The record is as `If-None-Match` has it.", "ETag", "Retry-After"),
    404: documented(404, "not_found", "there is no generation request of this id"),
    **PROBLEMS,
}
_LIST: dict[int | str, Json] = {200: {"description": "A page of the list."}, **PROBLEMS}
_RETRY_AFTER_ACCEPTED = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What the routes need of the process that serves them."""

    settings: ApiSettings
    database: Database
    publisher: Publisher
    submissions: Submissions
    draining: asyncio.Event

    async def submit(self, ask: Ask) -> Promise:
        """Accept the request, or answer 422 where its provider is not offered."""
        offered = self.settings.offered_providers
        if ask.provider is not None and ask.provider not in offered:
            detail = f"must be one of {', '.join(offered)}"
            raise ProblemError(
                422,
                "invalid_request",
                "the request does not fit what is expected",
                errors=[(detail, "#/provider")],
            )
        return await self.submissions.submit(ask)

    async def read(self, request_id: UUID) -> Reading:
        """Read the record, or answer 404."""
        reading = await find(request_id, database=self.database, prefix=self.settings.api_prefix)
        if reading is None:
            raise ProblemError(404, "not_found", f"there is no generation request {request_id}")
        return reading


def _context(request: Request) -> AppContext:
    context: AppContext = request.app.state.context
    return context


router = APIRouter(route_class=StrictRoute, tags=["generation requests"])


@router.post(
    "/generation-requests",
    status_code=202,
    response_model=GenerationRequest,
    responses=_SUBMIT,
)
async def submit_request(
    submission: Submission,
    request: Request,
    traceparent_header: Annotated[str | None, Header(alias="traceparent")] = None,
) -> Response:
    """Ask for entities; the answer is the tracking record, and `Location` says where to poll."""
    context = _context(request)
    ask = Ask(
        entity_type=submission.entity_type,
        count=submission.count,
        constraints=submission.constraints,
        metadata=submission.metadata,
        priority=Priority(submission.priority),
        provider=submission.provider,
        model=submission.model,
        traceparent=traceparent(traceparent_header),
    )
    promise = await context.submit(ask)
    path = path_of(promise.request_id, context.settings.api_prefix)
    return _accepted(pending(ask, promise, path=path), path)


def _accepted(record: bytes, path: str) -> Response:
    headers = {
        "Location": path,
        "Retry-After": _RETRY_AFTER_ACCEPTED,
        "Cache-Control": "no-store",
    }
    return Response(record, 202, headers, media_type="application/json")


def typed_routes() -> APIRouter:
    """Make the routes that are named after entity types, one for each in the list."""
    router = APIRouter(route_class=StrictRoute, tags=["generation requests"])
    for entity_type in ENTITY_TYPES.values():
        _typed_route(router, entity_type)
    return router


def _typed_route(router: APIRouter, entity_type: EntityType) -> None:
    body_model = typed_submission(entity_type)

    @router.post(
        f"/{entity_type.collection}/generate",
        status_code=202,
        response_model=Accepted,
        responses=_SUBMIT,
        name=f"generate_{entity_type.collection}",
        summary=f"Generate {entity_type.collection}",
    )
    async def generate(
        submission: body_model,  # type: ignore[valid-type]
        request: Request,
        traceparent_header: Annotated[str | None, Header(alias="traceparent")] = None,
    ) -> Response:
        """Ask for entities of this type; poll `Location` until the status is final."""
        body: Any = submission
        context = _context(request)
        promise = await context.submit(
            Ask(
                entity_type=entity_type.name,
                count=body.count,
                constraints=asked(body.together()),
                metadata=body.metadata,
                priority=Priority(body.priority),
                provider=body.provider,
                model=body.model,
                traceparent=traceparent(traceparent_header),
            )
        )
        record = Accepted(
            request_id=promise.request_id, count=body.count, status=Status.PENDING.value
        )
        path = path_of(promise.request_id, context.settings.api_prefix)
        return _accepted(record.model_dump_json().encode(), path)


@router.get("/generation-requests", responses=_LIST)
async def list_requests(
    request: Request,
    response: Response,
    *,
    status: Annotated[StatusName | None, Query()] = None,
    entity_type: Annotated[EntityTypeName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=MAX_CURSOR_CHARACTERS,
            description="`next_cursor` of the page before, asked for with the same filters.",
        ),
    ] = None,
) -> GenerationRequestPage:
    """List requests, newest first, without `entities`, `failures` and `dead_letter`.

    Walk with `cursor`: what was there at the first page is shown once, whatever arrives meanwhile.
    """
    context = _context(request)
    response.headers["Cache-Control"] = "no-store"
    return await page(
        Filters(status=status, entity_type=entity_type),
        limit=limit,
        cursor=cursor,
        database=context.database,
        prefix=context.settings.api_prefix,
    )


@router.get(
    "/generation-requests/{request_id}",
    response_model=GenerationRequest,
    responses=_READ,
)
async def read_request(
    request_id: UUID,
    request: Request,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Tell how a request stands, with the entities made so far; final without `Retry-After`."""
    reading = await _context(request).read(request_id)
    headers = {"ETag": reading.etag, "Cache-Control": "private, no-cache"}
    if reading.retry_after_seconds is not None:
        headers["Retry-After"] = str(reading.retry_after_seconds)
    if _matches(if_none_match, reading.etag):
        return Response(status_code=304, headers=headers)
    return Response(reading.body, headers=headers, media_type="application/json")


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Compare weakly, as RFC 9110 section 13.1.2 wants it."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
