"""The queries and commands of the operations page run as they stand there."""

import re
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from pathlib import Path
from textwrap import dedent

import pytest

from shared.postgres.database import Database
from tests.stack import Stack

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = [dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)]
STATEMENTS = [
    statement
    for block in BLOCKS
    for statement in re.findall(r"^(?:SELECT|UPDATE)\b[^;]*;", block, re.MULTILINE)
]
KAFKA_LAG = next(block.strip() for block in BLOCKS if "list_consumer_group_offsets" in block)


def test_the_page_has_the_queries():
    assert len(STATEMENTS) >= 8


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_a_query_runs(statement: str, database: Database):
    async with database.connection() as connection:
        await connection.execute(statement)


async def test_the_lag_is_printed_without_kafkas_own_tools(stack: Stack):
    command, _, rest = KAFKA_LAG.partition("\n")
    script, _, _ = rest.partition("\nEND\n")
    assert command == "$ .venv/bin/python - $KAFKA generation-worker <<'END'"

    python = await create_subprocess_exec(
        *(sys.executable, "-", stack.kafka, stack.group), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    printed, complaint = await python.communicate(script.encode())

    assert (python.returncode, printed) == (0, b""), complaint.decode()


def test_each_python_of_a_command_is_that_of_the_checkout():
    lines = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines()]

    assert [line for line in lines if line.startswith("python")] == []
