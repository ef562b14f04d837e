"""Export the JSON Schema of every contract, and the AsyncAPI document: `python -m schemas`.

`--check` writes nothing, and compares.
"""

import argparse
import json
from pathlib import Path

from pydantic import BaseModel

from schemas import asyncapi
from schemas.api import GenerationRequest, ProblemDetails
from schemas.dead_letters import DeadLetter
from schemas.entities import ENTITY_TYPES
from schemas.events import GenerationSettled
from schemas.messages import GenerationRequested
from schemas.submissions import Submission

_FOLDER = Path(__file__).parent / "json"


def contracts() -> dict[str, type[BaseModel]]:
    """Return the exported models by the names of their files."""
    named: dict[str, type[BaseModel]] = {
        "generation_requested.v1": GenerationRequested,
        "generation_settled.v1": GenerationSettled,
        "generation_request": GenerationRequest,
        "submission": Submission,
        "problem_details": ProblemDetails,
        "dead_letter": DeadLetter,
    }
    for entity_type in ENTITY_TYPES.values():
        named[f"{entity_type.name}.constraints"] = entity_type.constraints
        named[f"{entity_type.name}.entity"] = entity_type.representation
    return named


def exported() -> dict[Path, str]:
    """Return what each file ought to say."""
    schemas = {name: model.model_json_schema() for name, model in contracts().items()}
    return {
        _FOLDER / f"{name}.json": json.dumps(content, indent=2) + "\n"
        for name, content in {**schemas, "asyncapi": asyncapi.document()}.items()
    }


def main() -> None:
    """Write the files, or leave with the names of those that are out of date."""
    parser = argparse.ArgumentParser(prog="python -m schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    stale = [
        file
        for file, text in exported().items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    if check and stale:
        names = ", ".join(file.name for file in stale)
        raise SystemExit(f"out of date in schemas/json: {names}; run `make schemas`")
    for file in stale:
        file.parent.mkdir(exist_ok=True)
        file.write_text(exported()[file], encoding="utf-8")
        print(f"wrote {file.name}")


if __name__ == "__main__":
    main()
