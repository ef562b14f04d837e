"""What schemathesis makes of the OpenAPI document is answered as the document says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.test_openapi import an_app
from tests.support.served import Served, the_api_served

EXAMPLES = 40
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def without_default(document: dict[str, Any]) -> dict[str, Any]:
    """Drop the answer that stands for every status: it would make each a documented one."""
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("default", None)
    return document


DOCUMENT = schemathesis.openapi.from_dict(without_default(an_app().openapi()))
OPERATIONS = {
    found.ok().label: found.ok() for found in DOCUMENT.get_all_operations() if isinstance(found, Ok)
}


def can_be_wrong(operation: Any) -> bool:
    """Whether something can be sent that does not fit; any text is an `X-Request-Id`."""
    names = {parameter.name for parameter in operation.iter_parameters()}
    return bool(names - {"X-Request-Id"} or operation.body)


ASKED = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or can_be_wrong(operation)
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[*HealthCheck],
)


def test_every_operation_is_asked():
    assert len(OPERATIONS) == DOCUMENT.statistic.operations.total > 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    """One API for all operations."""
    async with the_api_served() as api:
        yield api


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis itself does
@pytest.mark.parametrize(("label", "mode"), ASKED, ids=str)
async def test_each_answer_is_one_of_the_documented(
    served: Served, label: str, mode: GenerationMode
):
    @BOUNDED
    @given(case=OPERATIONS[label].as_strategy(mode))
    def is_answered_as_documented(case: Any) -> None:
        answer = case.call(base_url=served.url, timeout=10)
        case.validate_response(answer, checks=CHECKS)

    await asyncio.to_thread(is_answered_as_documented)
