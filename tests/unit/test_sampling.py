from benchmarks.sampling import EVENT_LOOP, Stack, functions, parts

MAIN = "main (api_service/__main__.py:30);Runner.run (asyncio/runners.py:118)"
SUBMIT = (
    f"{MAIN};app (fastapi/routing.py:161);submit (api_service/generation_requests/submit.py:61)"
)
STACKS = [
    Stack.read(f"{SUBMIT} 2"),
    Stack.read(f"{SUBMIT};dumps (json/__init__.py:231) 1"),
    Stack.read(
        f"{SUBMIT};fetchrow (shared/postgres/database.py:136);execute (asyncpg/pool.py:10) 4"
    ),
    Stack.read(f"{SUBMIT};info (structlog/_native.py:5);emit (logging/__init__.py:9) 1"),
    Stack.read(f"{MAIN} 2"),
]


def test_a_part_takes_what_the_standard_library_does_for_it():
    assert parts(STACKS) == {
        "asyncpg": 40.0,
        "api_service/generation_requests/submit.py": 30.0,
        EVENT_LOOP: 20.0,
        "structlog, logging": 10.0,
    }


def test_a_function_of_ours_takes_all_that_it_calls():
    assert functions(STACKS) == {
        "submit, api_service/generation_requests/submit.py": 80.0,
        "fetchrow, shared/postgres/database.py": 40.0,
    }


def test_a_function_that_calls_itself_takes_its_time_once():
    twice = f"{SUBMIT};again (shared/runtime/loops.py:1);again (shared/runtime/loops.py:1) 5"

    assert functions([Stack.read(twice)])["again, shared/runtime/loops.py"] == 100.0
