"""What was measured, when and on what: a JSON file for each figure, kept with the sources."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.rounds import Rounds
from benchmarks.servers import Servers, connected

FOLDER = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The raw samples of a figure; `date` is UTC."""

    date: str
    machine: Mapping[str, str]
    rounds: Rounds


async def result(rounds: Rounds, servers: Servers) -> Result:
    """Note the day and the machine beside what was measured."""
    async with connected(servers.postgres.url) as server:
        version: str = await server.fetchval("SHOW server_version")
    return Result(
        date=datetime.now(UTC).date().isoformat(),
        machine={**_machine(), "PostgreSQL": version, "Python": platform.python_version()},
        rounds=rounds,
    )


def write(name: str, taken: Result) -> None:
    """Keep the result of a figure."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(asdict(taken), indent=1)
    (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def read(name: str) -> Result | None:
    """Return the kept result of a figure."""
    path = FOLDER / f"{name}.json"
    return Result(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _machine() -> dict[str, str]:
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(": ")[2] for line in information.splitlines() if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{len(models)} x {models[0]}" if models else platform.machine(),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
    }
