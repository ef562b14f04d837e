"""Where a process spends its time: stacks sampled from outside by py-spy, added up by part."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rounds import Sample
from benchmarks.usage import Usage

EVENT_LOOP = "event loop, sockets"
_PY_SPY = Path(sys.executable).with_name("py-spy")
_EACH_SECOND, _AT_MOST_SECONDS = "200", "600"
_FRAME = re.compile(r"(?P<function>.+) \((?P<path>.+?)(?::\d+)?\)")
_LOGGING, _FRAMEWORK = "structlog, logging", "FastAPI, Starlette"
_PARTS = {
    "logging": _LOGGING,
    "structlog": _LOGGING,
    "fastapi": _FRAMEWORK,
    "starlette": _FRAMEWORK,
    "uvloop": EVENT_LOOP,
    "benchmarks": EVENT_LOOP,
}
_OURS = ("api_service", "worker_service", "shared", "schemas")
_MAIN = "__main__.py"


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a process was, the outermost call first, and in how many samples."""

    frames: tuple[tuple[str, str], ...]
    """Functions and the paths of their files."""

    samples: int

    @classmethod
    def read(cls, line: str) -> "Stack":
        """Read what py-spy writes: frames with semicolons between them, and a number."""
        calls, _, samples = line.rpartition(" ")
        found = map(_FRAME.fullmatch, calls.split(";"))
        return cls(tuple((f["function"], f["path"]) for f in found if f), int(samples))

    @property
    def part(self) -> str:
        """The library, or the module of ours, that was at work.

        What the standard library does counts as its caller's.
        """
        for _, path in reversed(self.frames):
            package = path.partition("/")[0].removesuffix(".py")
            if path.startswith(_OURS) and not path.endswith(_MAIN):
                return path
            if package in _PARTS:
                return _PARTS[package]
            if package not in sys.stdlib_module_names and not path.endswith((">", _MAIN)):
                return package
        return EVENT_LOOP

    @property
    def functions(self) -> set[str]:
        """The functions of ours that had been called."""
        return {
            f"{function}, {path}"
            for function, path in self.frames
            if path.startswith(_OURS) and not path.endswith(_MAIN)
        }


@contextmanager
def sampled(usage: Usage, output: Path) -> Iterator[Callable[[], list[Stack]]]:
    """Sample a process while the block runs; what is lent returns its stacks afterwards."""
    (process,) = usage.of
    switches = ("--format", "raw", "--rate", _EACH_SECOND, "--duration", _AT_MOST_SECONDS)
    sampler = subprocess.Popen(
        [_PY_SPY, "record", "--pid", str(process.pid), *switches, "--output", output],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield lambda: [*map(Stack.read, output.read_text(encoding="utf-8").splitlines())]
    finally:
        sampler.send_signal(signal.SIGINT)
        sampler.wait()


def parts(stacks: Sequence[Stack]) -> Sample:
    """Return the per cent of the time that each part took itself."""
    return _shares(stacks, lambda stack: {stack.part})


def functions(stacks: Sequence[Stack]) -> Sample:
    """Return the per cent of the time that each function of ours took with all that it called."""
    return _shares(stacks, lambda stack: stack.functions)


def _shares(stacks: Sequence[Stack], names: Callable[[Stack], set[str]]) -> Sample:
    counted: Counter[str] = Counter()
    for stack in stacks:
        for name in names(stack):
            counted[name] += stack.samples
    total = sum(stack.samples for stack in stacks)
    return {name: samples / total * 100 for name, samples in counted.most_common()}
