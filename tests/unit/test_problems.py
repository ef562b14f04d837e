"""Every error is a problem."""

import httpx
import pytest

from tests.contract.test_openapi import an_app
from tests.support.api import faults_of, problem_of

UNKNOWN = "/generation-requests/019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"


def a_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=an_app()), base_url="http://test")


async def test_what_is_not_there_is_said_in_a_sentence():
    async with a_client() as client:
        nothing = problem_of(await client.get("/nothing"), 404)
        other = problem_of(await client.delete("/generation-requests"), 405)

    assert nothing["detail"] == "No resource has this path."
    assert other["detail"] == "This path has other methods: see `Allow`."


@pytest.mark.parametrize("body", ["[]", "1", '"{}"'])
async def test_a_body_that_is_no_object_is_refused_in_words_of_json(body: str):
    async with a_client() as client:
        answer = await client.post(
            "/generation-requests", content=body, headers={"Content-Type": "application/json"}
        )

    assert faults_of(answer) == {"#": "Input should be a JSON object"}


@pytest.mark.parametrize(
    ("path", "body", "place", "detail"),
    [
        (
            "/sentences/generate",
            {"constraint": {}},
            "#/constraint",
            "Unknown field. Did you mean `constraints`?",
        ),
        (
            "/sentences/generate",
            {"constraints": {"tense_used": []}},
            "#/constraints/tense_used",
            "Unknown field. Did you mean `constraints.tenses_used`?",
        ),
        (
            "/generation-requests",
            {"entity_type": "problem", "statement_count": 3},
            "#/statement_count",
            "Unknown field. Did you mean `constraints.statement_count`?",
        ),
        (
            "/generation-requests",
            {"entity_type": "sentence", "constraints": {"statement_count": 3}},
            "#/constraints/statement_count",
            "Unknown field.",
        ),
        (
            "/generation-requests",
            {"entity_type": "sentence", "constraints": {"count": 3}},
            "#/constraints/count",
            "Unknown field. Did you mean `count`?",
        ),
        ("/sentences/generate", {"c" * 3000: 1}, f"#/{'c' * 3000}", "Unknown field."),
    ],
)
async def test_an_unknown_field_is_answered_with_the_one_that_was_meant(
    path: str, body: dict[str, object], place: str, detail: str
):
    async with a_client() as client:
        answer = await client.post(path, json=body)

    assert faults_of(answer) == {place: detail}


@pytest.mark.parametrize(
    "spelling",
    [
        UNKNOWN[-36:].replace("-", ""),
        f"{{{UNKNOWN[-36:]}}}",
        f"urn:uuid:{UNKNOWN[-36:]}",
    ],
)
async def test_an_id_has_one_spelling(spelling: str):
    async with a_client() as client:
        paths = (f"/generation-requests/{spelling}", f"/dead-letters/{spelling}")
        for path in paths:
            (fault,) = problem_of(await client.get(path), 422)["errors"]
            assert fault["detail"].startswith("must be a UUID, such as ")
        answer = await client.get("/dead-letters", params={"request_id": spelling})

    assert [*faults_of(answer)] == ["request_id"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/docs", "/"])
async def test_every_route_refuses_an_unknown_parameter(path: str):
    async with a_client() as client:
        answer = await client.get(path, params={"x": "1"})

    assert faults_of(answer) == {"x": "Unknown parameter."}


async def test_a_bug_is_a_problem_that_tells_nothing_of_the_inside():
    transport = httpx.ASGITransport(app=an_app(), raise_app_exceptions=False)

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        problem = problem_of(await client.get(UNKNOWN), 500)

    assert problem["code"] == "unexpected"
    assert "SimpleNamespace" not in str(problem)
