from typing import Any

import pytest

from shared.sql import sql


class Recorder:
    """Stands for a connection: keeps what it was given."""

    def __init__(self) -> None:
        self.told: tuple[Any, ...] = ()

    async def fetch(self, *told: Any) -> list[Any]:
        self.told = told
        return []

    async def fetchrow(self, *told: Any) -> Any:
        self.told = told

    async def execute(self, *told: Any) -> None:
        self.told = told


@pytest.mark.parametrize("run", ["fetch", "fetchrow", "execute"])
async def test_a_parameter_has_one_place_however_often_it_stands(run: str):
    connection = Recorder()

    await getattr(sql("SELECT :a, :other_name, :a"), run)(connection, other_name=2, a=1)

    assert connection.told == ("SELECT $1, $2, $1", 1, 2)


def test_casts_slices_and_time_formats_are_no_parameters():
    text = "SELECT x::text, (:names::text[])[first:last], to_char(y, 'HH24:MI:SS')"

    statement = sql(text)

    assert statement.names == ("names",)
    assert statement.text == text.replace(":names", "$1")


@pytest.mark.parametrize("values", [{}, {"a": 1, "b": 2}, {"b": 2}])
async def test_a_value_that_is_missing_or_has_no_parameter_is_refused(values: dict[str, int]):
    with pytest.raises(TypeError, match="'a'"):
        await sql("SELECT :a").fetch(Recorder(), **values)


def test_a_name_ends_behind_its_digits():
    statement = sql("SELECT :name, :name2")

    assert statement.names == ("name", "name2")
    assert statement.text == "SELECT $1, $2"
