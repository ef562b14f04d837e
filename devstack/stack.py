"""PostgreSQL, Kafka, the schema, the topics, the API and the workers: what starts after what."""

import sys
from contextlib import closing
from typing import Any

from devstack import children
from devstack.children import Lifetime, Program
from devstack.description import source_fingerprint, write_description
from devstack.installation import CHECKOUT, find_cache_dir
from devstack.jars import MEGABYTES, jars_dir
from devstack.kafka import Kafka
from devstack.listeners import Listeners
from devstack.postgres import Postgres
from devstack.progress import Progress
from devstack.roster import Role, Roster
from devstack.services import Services, url_host
from devstack.settings import Settings

_STEP_SECONDS = 300.0


class Stack:
    """One stack that is being started; the roster knows afterwards whom to end."""

    def __init__(
        self,
        settings: Settings,
        *,
        roster: Roster,
        lifetime: Lifetime,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._roster = roster
        self._lifetime = lifetime
        self._progress = progress
        self._environment = dict(settings.environment)
        self._source = ""
        self.services = Services(
            environment=self._environment,
            log_dir=settings.log_dir,
            roster=roster,
            lifetime=lifetime,
        )

    def start(self) -> dict[str, Any]:
        """Start everything, wait until it is ready, and return its description."""
        self._source = source_fingerprint()
        with closing(Listeners.open(self._settings)) as listeners:
            self._settings = listeners.kept_in(self._settings)
            self._set_old_logs_aside()
            self._start_servers()
            self._progress.report("starting the API and the workers")
            return self._start_services(listeners)

    def restart_services(self) -> dict[str, Any]:
        """Start the API and the workers again, on the address that they had."""
        self._source = source_fingerprint()
        self.services.end()
        with closing(Listeners.open(self._settings)) as listeners:
            return self._start_services(listeners)

    def _start_services(self, listeners: Listeners) -> dict[str, Any]:
        settings = self._settings
        api_url = f"http://{url_host(settings.api_host)}:{settings.api_port}{settings.api_prefix}"
        self.services.start_api(listeners, processes=settings.api_processes, url=api_url)
        listeners.close()
        self.services.start_workers(settings.workers)
        self.services.wait_until_ready()
        return self._describe(api_url)

    def _start_servers(self) -> None:
        """Start the servers that were not given, and make the schema and the topics."""
        self._progress.report(_what_starts(self._settings))
        kafka = None if self._settings.kafka_bootstrap_servers else self._launch_kafka()
        if not self._settings.database_url:
            self._progress.step("starting PostgreSQL")
            self._forget("MIGRATIONS_DATABASE_URL", "DATABASE_POOLER", "DATABASE_PASSWORD_")
            self._environment["DATABASE_URL"] = self._start_postgres()
        self._run("migrations", doing="bringing the schema up to date")
        if kafka:
            self._progress.step("starting Kafka")
            self._forget("KAFKA_SECURITY_", "KAFKA_SSL_", "KAFKA_SASL_", "KAFKA_OAUTH_")
            kafka.wait_until_ready()
            self._environment["KAFKA_BOOTSTRAP_SERVERS"] = kafka.bootstrap_servers
        self._run("shared.kafka.topics", doing="creating the topics")

    def _forget(self, *prefixes: str) -> None:
        """Drop settings of servers that this stack does not use."""
        for name in [name for name in self._environment if name.startswith(prefixes)]:
            del self._environment[name]

    def _launch_kafka(self) -> Kafka:
        """Start the slower server first, and let it start while the other one does."""
        kafka = Kafka(
            state_dir=self._settings.state_dir,
            port=self._settings.kafka_port,
            lifetime=self._lifetime,
            noted=self._roster.adder(Role.KAFKA),
            report=self._progress.report,
        )
        kafka.launch()
        return kafka

    def _start_postgres(self) -> str:
        postgres = Postgres(
            state_dir=self._settings.state_dir,
            port=self._settings.postgres_port,
            lifetime=self._lifetime,
            noted=self._roster.adder(Role.POSTGRES),
        )
        postgres.start()
        return postgres.url

    def _run(self, module: str, *, doing: str) -> None:
        self._progress.step(doing)
        program = Program(
            command=(sys.executable, "-m", module),
            log=self._settings.log_dir / f"{module}.log",
            env=self._environment,
            cwd=CHECKOUT,
        )
        children.run(program, doing=doing, timeout=_STEP_SECONDS)

    def _set_old_logs_aside(self) -> None:
        for log in self._settings.log_dir.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))

    def _describe(self, api_url: str) -> dict[str, Any]:
        """Say where everything is, and keep it in the state folder."""
        description = {
            "api_url": api_url,
            "admin_url": self._admin_url(),
            "worker_urls": self.services.worker_urls,
            "database_url": self._environment["DATABASE_URL"],
            "kafka_bootstrap_servers": self._environment["KAFKA_BOOTSTRAP_SERVERS"],
            "pids": {
                "api": self._pids(Role.API),
                "worker": self._pids(Role.WORKER),
                "postgres": next(iter(self._pids(Role.POSTGRES)), None),
                "kafka": next(iter(self._pids(Role.KAFKA)), None),
            },
            "log_dir": str(self._settings.log_dir),
            "source": self._source,
        }
        write_description(self._settings.state_dir, description)
        return description

    def _admin_url(self) -> str | None:
        """Return where the operators' routes stand, if not on the port of the API."""
        settings = self._settings
        if settings.admin_port is None:
            return None
        return f"http://{url_host(settings.admin_host)}:{settings.admin_port}"

    def _pids(self, role: Role) -> list[int]:
        return [process.pid for process in self._roster.alive(role)]


def _what_starts(settings: Settings) -> str:
    given = {
        "PostgreSQL": settings.database_url,
        "Kafka": settings.kafka_bootstrap_servers,
    }
    own = [name for name, address in given.items() if not address]
    if not own:
        return "making the schema and the topics"
    fetches = "Kafka" in own and not jars_dir(find_cache_dir()).exists()
    once = f" (this once, {MEGABYTES} MB of Kafka are fetched first)" if fetches else ""
    return f"starting {' and '.join(own)}{once}"
