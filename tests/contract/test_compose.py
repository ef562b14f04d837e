"""compose.yaml, the Dockerfile and .dockerignore, as far as they can be read without an engine."""

import json
import re
import subprocess

import pytest

from tests.support.compose import CHECKOUT, EXAMPLE, SERVICES, TEXT, VARIABLES, skip_unless
from worker_service.config import WorkerSettings
from worker_service.drain import SHORTEST_RECORD_SECONDS
from worker_service.worker import STATEMENTS_PER_LEASE

OURS = ("migrations", "topics", "api", "worker")
LASTING = ("postgres", "kafka", "api", "worker")
ONCE = ("migrations", "topics")
GOODBYE_SECONDS = 10
API_SECONDS = 20
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")


def seconds(text: str) -> float:
    """Read a duration that is given in seconds."""
    return float(text.removesuffix("s"))


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, flags=re.MULTILINE)


def test_compose_finds_no_fault_in_it():
    skip_unless(["docker", "compose", "version"])

    found = subprocess.run(
        ["docker", "compose", "--file", CHECKOUT / "compose.yaml", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_defaults_of_its_variables_are_those_of_the_example():
    assert {name: EXAMPLE[name] for name in VARIABLES} == VARIABLES


def test_every_variable_has_a_default():
    assert TEXT.count("$") == len(re.findall(r"\$\{[A-Z_]+:-[^}]*\}", TEXT))


@pytest.mark.parametrize("service", LASTING)
def test_what_lasts_tells_its_health_and_is_started_again(service: str):
    told = SERVICES[service]

    assert told["healthcheck"]["test"][0] == "CMD"
    assert told["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", ONCE)
def test_what_runs_once_waits_for_its_server_and_is_waited_for(service: str):
    assert "restart" not in SERVICES[service]
    assert [on["condition"] for on in SERVICES[service]["depends_on"].values()] == [
        "service_healthy"
    ]
    for program in ("api", "worker"):
        on = SERVICES[program]["depends_on"][service]
        assert on["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("service", OURS)
def test_what_is_ours_may_change_nothing_and_reads_every_setting_of_one_file(service: str):
    told = SERVICES[service]

    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert told["env_file"] == [{"path": "${SETTINGS_FILE:-.env}", "required": False}]


@pytest.mark.parametrize("service", OURS)
def test_a_signal_ends_what_does_not_listen_for_it_yet(service: str):
    assert SERVICES[service]["init"] is True


def test_only_the_api_takes_a_port_of_the_machine_so_that_workers_can_be_many():
    assert [service for service, told in SERVICES.items() if "ports" in told] == ["api"]
    assert not [service for service, told in SERVICES.items() if "container_name" in told]


def test_a_worker_is_given_longer_to_stop_than_its_drain_takes():
    defaults = {name: field.default for name, field in WorkerSettings.model_fields.items()}
    statement = max(defaults["lease_seconds"] / STATEMENTS_PER_LEASE, SHORTEST_RECORD_SECONDS)
    longest = statement + defaults["drain_seconds"] + statement + GOODBYE_SECONDS

    assert seconds(VARIABLES["WORKER_STOP_GRACE_PERIOD"]) > longest
    assert SERVICES["worker"]["stop_grace_period"] == "${WORKER_STOP_GRACE_PERIOD:-75s}"
    assert seconds(SERVICES["api"]["stop_grace_period"]) > API_SECONDS


@pytest.mark.parametrize("service", ["api", "worker"])
def test_each_service_has_a_target_of_its_own_in_the_one_dockerfile(service: str):
    assert SERVICES[service]["build"]["target"] == service
    assert any(stage.endswith(f" AS {service}") for stage in instructions("FROM"))


def test_the_demo_is_in_the_image_only_where_it_is_asked_for():
    stages = dict(stage.split(" AS ")[::-1] for stage in instructions("FROM"))
    copied = {
        stage.split("\n")[0].split(" AS ")[1]
        for stage in DOCKERFILE.split("\nFROM ")[1:]
        if "demo_provider" in stage
    }

    assert "ARG DEMO=0" in DOCKERFILE
    assert stages["worker"] == "worker-demo-${DEMO}"
    assert stages["worker-demo-1"] == "worker-demo-0"
    assert copied == {"worker-demo-1"}
    assert SERVICES["worker"]["build"]["args"]["DEMO"] == "${DEMO:-1}"


def test_an_image_starts_its_program_itself_and_not_as_root():
    entry_points = [json.loads(told) for told in instructions("ENTRYPOINT")]

    assert entry_points == [["python", "-m", "api_service"], ["python", "-m", "worker_service"]]
    assert instructions("USER") == ["10001:10001"]
    assert not instructions("CMD")


def test_a_build_needs_no_more_than_a_base_image_and_the_lock():
    assert "syntax=" not in DOCKERFILE
    assert "--require-hashes --only-binary :all: --requirement requirements.lock" in DOCKERFILE
    assert len(re.findall(r"\binstall\b", DOCKERFILE)) == 1


def test_a_build_is_sent_what_the_images_are_made_of():
    packages = {source.removeprefix("/app/") for source in _copied_from_the_build()}
    sent = set(
        re.findall(r"^!(.*)$", (CHECKOUT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    )

    assert sent == {*packages, "requirements.lock"}


def _copied_from_the_build() -> list[str]:
    copied = [told.split() for told in instructions("COPY") if told.startswith("--from=build")]
    return [source for _, source, _ in copied if source.startswith("/app/")]
