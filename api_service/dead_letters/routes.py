"""The routes of dead letters."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api_service.context import Context
from api_service.dead_letters.read import Bases, find, page
from api_service.http.answers import READ_PROBLEMS, Answers, documented
from api_service.http.cursors import Cursor
from api_service.http.ids import Uuid
from api_service.http.problems import ProblemError
from api_service.http.public_address import Base, RequestsBase
from api_service.http.query import DEFAULT_LIMIT, Limit
from api_service.http.strict_json import StrictRoute
from schemas.dead_letters import DeadLetter, DeadLetterPage, Reason

_LIST: Answers = {200: {"description": "A page of dead letters."}, **READ_PROBLEMS}
_READ: Answers = {
    200: {"description": "The dead letter with its record."},
    404: documented(404, "not_found", "There is no dead letter of this id."),
    **READ_PROBLEMS,
}


async def _both(base: Base, requests_base: RequestsBase) -> Bases:
    return Bases(dead_letters=base, requests=requests_base)


_Bases = Annotated[Bases, Depends(_both)]

router = APIRouter(route_class=StrictRoute, tags=["dead letters"])


@router.get("/dead-letters", responses=_LIST, summary="List dead letters")
async def list_dead_letters(
    context: Context,
    bases: _Bases,
    response: Response,
    *,
    reason: Annotated[Reason | None, Query(description="Only dead letters of this reason.")] = None,
    request_id: Annotated[
        Uuid | None, Query(description="Only dead letters of this request.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> DeadLetterPage:
    """List dead letters, the newest first; `cursor` goes on where a page ended."""
    response.headers["Cache-Control"] = "private, no-cache"
    return await page(
        reason=reason,
        request_id=request_id,
        limit=limit,
        cursor=cursor,
        database=context.database,
        bases=bases,
    )


@router.get("/dead-letters/{letter_id}", responses=_READ, summary="Read a dead letter")
async def read_dead_letter(
    dead_letter_id: Annotated[Uuid, Path(alias="letter_id")],
    context: Context,
    bases: _Bases,
    response: Response,
) -> DeadLetter:
    """Read a dead letter with its record, byte for byte."""
    found = await find(dead_letter_id, database=context.database, bases=bases)
    if found is None:
        raise ProblemError(404, "not_found", f"There is no dead letter {dead_letter_id}.")
    response.headers["Cache-Control"] = "private, no-cache"
    return found
