"""Clients made from the OpenAPI document send what docs/api.md shows, and read what comes of it."""

import asyncio
import importlib
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from schemas.entities import ENTITY_TYPES
from schemas.states import FINAL
from tests.contract.test_openapi import an_app
from tests.services import StartWorker
from tests.stack import Stack
from tests.support.documented_examples import accepted_examples
from tests.support.node import node_modules, run_tool
from tests.support.served import Served, served_on
from tests.support.waiting import eventually

PACKAGE = "generated_client"
DOCUMENT = an_app().openapi()
EXAMPLES = accepted_examples()

pytestmark = pytest.mark.usefixtures("balanced_services")


@pytest.fixture
async def served(stack: Stack, start_worker: StartWorker) -> AsyncIterator[Served]:
    await start_worker()
    async with served_on(stack) as api:
        yield api


@pytest.fixture
def openapi_json(tmp_path: Path) -> Path:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return file


@pytest.fixture
async def python_client(openapi_json: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Generate the package with openapi-python-client, nothing left out, and import it."""
    folder = openapi_json.parent
    generator = Path(sys.executable).with_name("openapi-python-client")
    arguments = ("--path", openapi_json, "--output-path", folder / PACKAGE)
    monkeypatch.setenv("PATH", str(generator.parent), prepend=":")  # ruff, which tidies up
    made = await asyncio.create_subprocess_exec(
        *map(str, (generator, "generate", *arguments, "--meta", "none", "--fail-on-warning")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await made.communicate()
    assert made.returncode == 0, said.decode()
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(PACKAGE)


def operation(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.api.generation_requests.{name}")


def test_the_documentation_shows_a_submit_of_each_route():
    assert {example.path for example in EXAMPLES} == {
        "/generation-requests",
        *(f"/{entity_type.collection}/generate" for entity_type in ENTITY_TYPES.values()),
    }


async def test_a_generated_python_client_runs_the_examples(
    served: Served, python_client: ModuleType
):
    models = importlib.import_module(f"{PACKAGE}.models")
    async with python_client.Client(base_url=served.url, raise_on_unexpected_status=True) as client:
        for example in EXAMPLES:
            documented = DOCUMENT["paths"][example.path]["post"]
            body = documented["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            sent = getattr(models, body.rpartition("/")[2]).from_dict(example.body)
            assert sent.to_dict() == example.body
            submit = operation(documented["operationId"]).asyncio
            accepted = await submit(client=client, body=sent)
            record = await _settled(client, accepted.request_id)
            assert record.generated_count == example.body["count"]
            shown = json.dumps(record.to_dict()["entities"]).replace("+00:00", "Z")
            assert json.loads(shown) == await _as_read(served, record)


async def _settled(client: Any, request_id: Any) -> Any:
    read = operation("read_generation_request").asyncio

    async def is_final() -> Any:
        record = await read(request_id, client=client)
        return record if record.status in FINAL else None

    return await eventually(is_final)


async def _as_read(served: Served, record: Any) -> Any:
    async with httpx.AsyncClient(base_url=served.url) as plain:
        answer = await plain.get(f"/generation-requests/{record.request_id}")
    return answer.json()["entities"]


PROGRAM = """
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const client = createClient<paths>({ baseUrl: process.argv[2] });

function title(entity: components["schemas"]["GenerationRequest"]["entities"][number]): string {
  switch (entity.entity_type) {
    case "problem": return entity.title;
    case "sentence": return entity.content;
    case "vocabulary": return entity.word;
  }
}

async function settled(request_id: string): Promise<string[]> {
  for (;;) {
    const { data } = await client.GET("/generation-requests/{request_id}", {
      params: { path: { request_id } },
    });
    if (data === undefined) throw new Error("not read");
    if (data.completed_at !== null) return data.entities.map(title);
    await new Promise((resume) => setTimeout(resume, 100));
  }
}
"""
CALL = """
{{
  const {{ data, error }} = await client.POST("{path}", {{ body: {body} }});
  if (data === undefined) throw new Error(JSON.stringify(error));
  console.log(JSON.stringify(await settled(data.request_id)));
}}
"""
COMPILED = ("--strict", "--module", "nodenext", "--target", "es2022", "--outDir", "out")


async def test_a_typescript_client_with_generated_types_runs_the_examples(
    served: Served, openapi_json: Path
):
    folder = openapi_json.parent
    (folder / "node_modules").symlink_to(node_modules())
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    run_tool("openapi-typescript", openapi_json.name, "-o", "api.d.ts", cwd=folder)
    calls = (CALL.format(path=each.path, body=json.dumps(each.body)) for each in EXAMPLES)
    (folder / "examples.ts").write_text(PROGRAM + "".join(calls), encoding="utf-8")
    run_tool("tsc", *COMPILED, "examples.ts", cwd=folder)

    ran = await asyncio.create_subprocess_exec(
        shutil.which("node") or "",
        str(folder / "out" / "examples.js"),
        served.url,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await ran.communicate()

    assert ran.returncode == 0
    titles = [json.loads(line) for line in said.splitlines()]
    assert [len(each) for each in titles] == [example.body["count"] for example in EXAMPLES]
    assert all(isinstance(title, str) and title for each in titles for title in each)
