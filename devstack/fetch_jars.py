"""Fetch the pinned jars of Kafka, several at a time: `python -m devstack.fetch_jars FOLDER`.

jgo knows where they are published. It is a process of its own, because jgo and requests take their
settings from the environment.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from jgo.maven import MavenContext

from devstack.jars import read_pins

_AT_ONCE = 8
_SECONDS = 60


def main(home: Path) -> None:
    """Fetch what is missing; the first that fails ends it."""
    maven = MavenContext(repo_cache=home, local_repos=[], timeout=_SECONDS)

    def fetch(name: PurePosixPath) -> None:
        group, artifact, version = name.parts[:-3], name.parts[-3], name.parts[-2]
        maven.project(".".join(group), artifact).at_version(version).artifact().resolve()

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for _ in threads.map(fetch, map(PurePosixPath, read_pins())):
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
