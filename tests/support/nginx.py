"""An nginx of one's own, with the locations that docs/operations.md shows."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.waiting import eventually

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_UPSTREAM = re.compile(r"http://127\.0\.0\.1:[89]000")
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
{locations}
    }}
}}
"""


def documented_locations() -> list[str]:
    """Return the `location` blocks of the page.

    One strips a prefix, one does not, and one leads to the port of the operators.
    """
    return re.findall(
        r"^    (location .*?^    \})$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@asynccontextmanager
async def an_nginx(location: str, *, port: int, upstream: str, folder: Path) -> AsyncIterator[None]:
    """Run nginx before a server; skip the test where there is none."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    locations, count = _UPSTREAM.subn(upstream, location)
    assert count == 1
    configuration = _CONFIGURATION.format(folder=folder, port=port, locations=locations)
    (folder / "nginx.conf").write_text(configuration, encoding="utf-8")
    files = ("-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"))
    running = await asyncio.create_subprocess_exec(nginx, *files)
    url = f"http://127.0.0.1:{port}"

    async def is_up() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return bool((await client.get(url)).status_code)
            except httpx.ConnectError:
                return False

    try:
        await eventually(is_up)
        yield
    finally:
        running.terminate()
        await running.wait()
