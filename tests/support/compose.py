"""`compose.yaml`: as a text to read, and as a stack that Docker runs."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from dotenv import dotenv_values

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = {name: value or "" for name, value in dotenv_values(CHECKOUT / ".env.example").items()}
TEXT = (CHECKOUT / "compose.yaml").read_text(encoding="utf-8")
DEFINITION: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = DEFINITION["services"]
VARIABLES = {"COMPOSE_PROJECT_NAME": DEFINITION["name"]} | dict(
    re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", TEXT)
)
"""What the file takes from its surroundings, with the defaults that it names."""

_COMMAND_SECONDS = 900
_DOCKERS_OWN = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")


def skip_unless(*commands: Sequence[str]) -> None:
    """Skip the test where one of the commands cannot be run."""
    for command in commands:
        if not shutil.which(command[0]) or _failed(command):
            pytest.skip(f"`{' '.join(command)}` does not answer here")


def _failed(command: Sequence[str]) -> bool:
    return bool(subprocess.run(command, capture_output=True, check=False).returncode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What Compose says of a container of one service."""

    container_id: str
    name: str
    service: str
    health: str
    exit_status: int

    def log(self) -> list[dict[str, Any]]:
        """Return the events that a service of ours has logged."""
        lines = _docker("logs", self.container_id).stderr.splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def kill_the_process(self) -> None:
        """Kill what runs inside, as a crash does; who has Docker kill it does not want it back."""
        _docker("exec", self.container_id, "sh", "-c", "kill -KILL -1")

    def restarts(self) -> int:
        return int(_docker("inspect", "--format={{.RestartCount}}", self.container_id).stdout)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedStack:
    """A stack beside all others, told by `environment` and nothing else that is set around it."""

    project: str
    environment: Mapping[str, str]

    def compose(self, *arguments: str) -> str:
        """Run a command of Compose on this stack and return its output."""
        done = _docker("compose", *arguments, environment=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def api_url(self) -> str:
        return f"http://{self.compose('port', 'api', '8000').strip()}"

    def containers(self, *services: str) -> list[Container]:
        lines = self.compose("ps", "--all", "--format=json", *services).splitlines()
        return [
            Container(
                container_id=told["ID"],
                name=told["Name"],
                service=told["Service"],
                health=told["Health"],
                exit_status=told["ExitCode"],
            )
            for told in map(json.loads, lines)
        ]

    def leftovers(self) -> list[str]:
        """Return the ids of every container, volume and network of the stack."""
        listings = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
        return [found for listing in listings for found in self._listed(*listing)]

    def remove(self) -> None:
        self.compose("down", "--volumes", "--timeout=0")
        if images := self._listed("image", "ls"):
            _docker("image", "rm", "--force", *images)

    def _listed(self, *listing: str) -> list[str]:
        mine = f"--filter=label=com.docker.compose.project={self.project}"
        return _docker(*listing, "--quiet", mine).stdout.split()


@contextmanager
def composed_stack(folder: Path, **settings: object) -> Iterator[ComposedStack]:
    """Lend a stack that is not up yet; at the end nothing of it is left, not even its images."""
    told = folder / "settings.env"
    told.write_text("".join(f"{name.upper()}={value}\n" for name, value in settings.items()))
    project = f"generation-test-{uuid4().hex[:8]}"
    environment = {
        **{name: os.environ[name] for name in _DOCKERS_OWN if name in os.environ},
        "COMPOSE_PROJECT_NAME": project,
        "COMPOSE_DISABLE_ENV_FILE": "true",
        "SETTINGS_FILE": str(told),
        "API_IMAGE": f"{project}-api",
        "WORKER_IMAGE": f"{project}-worker",
        "API_PORT": "0",
    }
    stack = ComposedStack(project=project, environment=environment)
    try:
        yield stack
    finally:
        stack.remove()


def _docker(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )
