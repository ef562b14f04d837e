"""Rows of any database, over a connection of their own."""

from typing import Any

import asyncpg


async def rows_of(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()
