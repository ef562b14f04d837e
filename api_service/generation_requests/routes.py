"""The routes of generation requests, the typed ones made from the list of entity types."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, TypeAdapter

from api_service.context import Context, context_of
from api_service.fast_path import Endpoint, Table
from api_service.generation_requests.columns import NewRequest
from api_service.generation_requests.list import Filters, page
from api_service.generation_requests.read import accepted_body, find, path_of
from api_service.generation_requests.submission_body import read_submission
from api_service.generation_requests.submit import Accepted
from api_service.http.answers import READ_PROBLEMS, SUBMIT_PROBLEMS, Answers, answer, documented
from api_service.http.cursors import Cursor
from api_service.http.ids import Uuid
from api_service.http.observed import span_of, traceparent_of
from api_service.http.openapi import body_of, header_of, uuid_of
from api_service.http.problems import VALIDATION_FAILED, ProblemError
from api_service.http.public_address import Base, base_of
from api_service.http.query import DEFAULT_LIMIT, Limit
from api_service.http.strict_json import (
    StrictRequest,
    StrictRoute,
    read_header,
    read_path,
)
from schemas import api
from schemas.entities import ENTITY_TYPES
from schemas.entity import EntityType
from schemas.states import Status
from schemas.submissions import (
    EntityTypeName,
    Submission,
    TypedSubmission,
    asked,
    typed_submission,
)
from shared.tracing.conventions import ENTITY_TYPE, REQUEST_ID

_SUBMIT: Answers = {
    202: {
        **answer("Accepted: the request will be settled.", "Location", "Retry-After"),
        "links": {
            "poll": {
                "operationId": "read_generation_request",
                "parameters": {"request_id": "$response.body#/request_id"},
                "description": "Poll until the status is final; `Location` is its address.",
            }
        },
    },
    **SUBMIT_PROBLEMS,
}
_READ: Answers = {
    200: answer("The tracking record.", "ETag", "Retry-After"),
    304: answer("The record still matches `If-None-Match`.", "ETag", "Retry-After"),
    404: documented(404, "not_found", "There is no generation request of this id."),
    **READ_PROBLEMS,
}
_LIST: Answers = {200: {"description": "A page of the list."}, **READ_PROBLEMS}
_TRACEPARENT = header_of("traceparent", "The trace that goes on (W3C Trace Context).")
_IF_NONE_MATCH = header_of("if-none-match", "An `ETag`, several, or `*`.")
_RETRY_AFTER_ACCEPTED = "2"
_TAGS: list[Any] = ["generation requests"]
_ID: TypeAdapter[Uuid] = TypeAdapter(Uuid)

router = APIRouter(route_class=StrictRoute, tags=_TAGS)


@router.post(
    "/generation-requests",
    status_code=202,
    response_model=api.GenerationRequest,
    responses=_SUBMIT,
    summary="Submit a generation request",
    openapi_extra={**_TRACEPARENT, **body_of(Submission)},
)
async def submit_generation_request(request: StrictRequest) -> Response:
    """Ask for entities; the answer is the tracking record, and `Location` says where to poll."""
    submission = await read_submission(request, Submission)
    new = NewRequest.of(
        submission,
        entity_type=submission.entity_type,
        constraints=submission.constraints,
        traceparent=traceparent_of(request),
    )
    accepted = await _submit(new, request)
    path = path_of(accepted.request_id, base_of(request))
    return _accepted(accepted_body(new, accepted, path=path), path)


async def _submit(new: NewRequest, request: StrictRequest) -> Accepted:
    """Accept a request, or answer 422 where its provider is not offered."""
    context = context_of(request)
    offered = context.settings.provider_names
    if new.provider is not None and new.provider not in offered:
        fault = (f"The provider must be one of {', '.join(offered)}.", "#/provider")
        raise ProblemError(422, "invalid_request", VALIDATION_FAILED, errors=[fault])
    accepted = await context.submissions.submit(new)
    if (span := span_of(request)) is not None:
        span.add({REQUEST_ID: str(accepted.request_id), ENTITY_TYPE: new.entity_type})
    return accepted


def _accepted(record: bytes, path: str) -> Response:
    headers = {
        "Location": path,
        "Retry-After": _RETRY_AFTER_ACCEPTED,
        "Cache-Control": "no-store",
    }
    return Response(record, 202, headers, media_type="application/json")


@router.get("/generation-requests", responses=_LIST, summary="List generation requests")
async def list_generation_requests(
    context: Context,
    base: Base,
    response: Response,
    *,
    status: Annotated[Status | None, Query(description="Only requests of this status.")] = None,
    entity_type: Annotated[
        EntityTypeName | None, Query(description="Only requests of this entity type.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> api.GenerationRequestPage:
    """List requests, newest first, without `entities`, `failures` and `dead_letter`.

    Walk with `cursor`: existing requests appear exactly once; newer ones do not appear in this
    traversal.
    """
    response.headers["Cache-Control"] = "no-store"
    return await page(
        Filters(status=status, entity_type=entity_type),
        limit=limit,
        cursor=cursor,
        database=context.database,
        prefix=base,
    )


@router.get(
    "/generation-requests/{request_id}",  # noqa: FAST003 - the endpoint reads it
    response_model=api.GenerationRequest,
    responses=_READ,
    summary="Read a generation request",
    openapi_extra={"parameters": [uuid_of("request_id"), *_IF_NONE_MATCH["parameters"]]},
)
async def read_generation_request(request: StrictRequest) -> Response:
    """Read a request with the entities made so far; a final one has no `Retry-After`."""
    context = context_of(request)
    request_id = read_path(request, "request_id", _ID)
    reading = await find(request_id, database=context.database, prefix=base_of(request))
    if reading is None:
        raise ProblemError(404, "not_found", f"There is no generation request {request_id}.")
    headers = {"ETag": reading.etag, "Cache-Control": "private, no-cache"}
    if reading.retry_after_seconds is not None:
        headers["Retry-After"] = str(reading.retry_after_seconds)
    if _matches(read_header(request, b"if-none-match"), reading.etag):
        return Response(status_code=304, headers=headers)
    return Response(reading.body, headers=headers, media_type="application/json")


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Compare weakly, as RFC 9110 section 13.1.2 wants it."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedRoutes:
    """The routes that are named after entity types: to include, to call fast, to document."""

    router: APIRouter
    endpoints: Table
    bodies: Sequence[type[BaseModel]]


def typed_routes() -> TypedRoutes:
    """Make a route for each entity type in the list."""
    router = APIRouter(route_class=StrictRoute, tags=_TAGS)
    bodies = {name: typed_submission(entity_type) for name, entity_type in ENTITY_TYPES.items()}
    endpoints = {
        ("POST", f"/{entity_type.collection}/generate"): _add_typed(
            router, entity_type, body_model=bodies[name]
        )
        for name, entity_type in ENTITY_TYPES.items()
    }
    return TypedRoutes(router=router, endpoints=endpoints, bodies=[*bodies.values()])


def _add_typed(
    router: APIRouter, entity_type: EntityType, *, body_model: type[TypedSubmission]
) -> Endpoint:
    @router.post(
        f"/{entity_type.collection}/generate",
        status_code=202,
        response_model=api.Accepted,
        responses=_SUBMIT,
        name=f"generate_{entity_type.collection}",
        summary=f"Generate {entity_type.collection}",
        openapi_extra={**_TRACEPARENT, **body_of(body_model)},
    )
    async def generate(request: StrictRequest) -> Response:
        """Ask for entities of this type; poll `Location` until the status is final."""
        submission = await read_submission(request, body_model, entity_type=entity_type.name)
        new = NewRequest.of(
            submission,
            entity_type=entity_type.name,
            constraints=asked(submission.together()),
            traceparent=traceparent_of(request),
        )
        accepted = await _submit(new, request)
        record = api.Accepted(
            request_id=accepted.request_id, count=submission.count, status=Status.PENDING
        )
        path = path_of(accepted.request_id, base_of(request))
        return _accepted(record.model_dump_json().encode(), path)

    return generate


BODIES: tuple[type[BaseModel], ...] = (Submission,)
FAST_ENDPOINTS: Table = {
    ("POST", "/generation-requests"): submit_generation_request,
    ("GET", "/generation-requests/{request_id}"): read_generation_request,
}
"""The endpoints that are called without the router, beside those of `typed_routes`."""
