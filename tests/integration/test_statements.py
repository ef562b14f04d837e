"""Every statement of the services is a constant, and fits the schema."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import asyncpg

import api_service
import shared
import worker_service
from shared.postgres.database import Database
from shared.sql import Statement

_STATEMENT = re.compile(r"\s*(--.*\n\s*)*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")


def service_modules() -> Iterator[ModuleType]:
    for package in (api_service, shared, worker_service):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def statements() -> dict[str, str]:
    return {
        f"{module.__name__}.{name}": value.text
        for module in service_modules()
        for name, value in vars(module).items()
        if isinstance(value, Statement)
    }


async def test_every_statement_of_the_services_fits_the_schema(database: Database):
    found = statements()

    async with database.connection() as connection:
        for name, statement in found.items():
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{name}: {error}") from error
    assert len(found) >= 20, sorted(found)


def test_every_statement_of_the_services_is_a_constant_of_its_module():
    for module in service_modules():
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        assignments = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
        at_the_top = {id(node) for top in assignments for node in ast.walk(top)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_statement = _STATEMENT.match(node.value)
                assert not is_statement or id(node) in at_the_top, f"{module}: {node.value}"
