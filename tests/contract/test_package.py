"""The package as a user installs it: `pip install .`, with and without its extras."""

import importlib
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared import scripts
from shared.version import VERSION

CHECKOUT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
SCRIPTS = PYPROJECT["project"]["scripts"]
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
DATA = ("*.sql", "*.md", "*.toml", "*.json", "py.typed", "*.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=60)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as opened:
        yield opened


def importing(import_module: Callable[[str], object], monkeypatch) -> None:
    """Have the scripts import their modules this way."""
    monkeypatch.setattr(scripts, "importlib", SimpleNamespace(import_module=import_module))


def test_the_wheel_holds_every_file_that_the_services_read_and_their_types(wheel):
    wanted = {
        path.relative_to(CHECKOUT).as_posix()
        for package in PACKAGES
        for pattern in DATA
        for path in (CHECKOUT / package).rglob(pattern)
    }
    assert {f"{package}/py.typed" for package in PACKAGES} <= wanted
    assert wanted == {name for name in wheel.namelist() if not name.startswith("generation_s")}


def test_the_version_of_the_wheel_is_that_of_the_service(wheel):
    assert f"generation_service-{VERSION}.dist-info/METADATA" in wheel.namelist()


@pytest.mark.parametrize("command", SCRIPTS)
def test_every_script_calls_the_main_of_a_module(command: str, monkeypatch):
    called = []

    def with_a_main_that_serves_nothing(name: str) -> SimpleNamespace:
        assert callable(importlib.import_module(name).main)
        return SimpleNamespace(main=lambda: called.append(command))

    importing(with_a_main_that_serves_nothing, monkeypatch)
    module, _, function = SCRIPTS[command].partition(":")
    getattr(importlib.import_module(module), function)()
    assert called == [command]


@pytest.mark.parametrize(("script", "extra"), [(scripts.api, "api"), (scripts.worker, "worker")])
def test_a_script_whose_extra_is_missing_says_so_in_one_line(script, extra, monkeypatch):
    def without_uvloop(_: str):
        raise ModuleNotFoundError("No module named 'uvloop'", name="uvloop")

    importing(without_uvloop, monkeypatch)
    with pytest.raises(SystemExit, match=rf"^error: uvloop .*'generation-service\[{extra}\]'`$"):
        script()


def test_a_module_of_the_service_that_is_missing_is_no_missing_extra(monkeypatch):
    def without_a_part_of_ours(_: str):
        raise ModuleNotFoundError("No module named 'shared.gone'", name="shared.gone")

    importing(without_a_part_of_ours, monkeypatch)
    with pytest.raises(ModuleNotFoundError):
        scripts.api()
