"""Dockerfile and docker-compose.yml, compared with what they name; nothing here needs Docker."""

import re
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from pydantic import SecretStr

from app.settings import PREFIX, Settings
from tests.checkout import ROOT
from tests.services import run

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}

# What the command line alone reads, to find a server.
CLIENT_SETTINGS = {"url", "api_key"}
# It can be reached from the other containers only.
REDIS_WITHOUT_PASSWORD = "redis://redis:6379/0"


def arguments_of(instruction: str) -> list[str]:
    """Return what follows each such instruction of the Dockerfile."""
    return re.findall(rf"^{instruction} (.*)$", DOCKERFILE, re.MULTILINE)


COPIED = [
    source
    for arguments in arguments_of("COPY")
    if not arguments.startswith("--from")
    for source in arguments.split()[:-1]
]
COMMANDS = {
    yaml.safe_load(arguments_of("CMD")[0])[0],
    *(service["command"][0] for service in OURS.values()),
    # What the comments tell the operator to run.
    *re.findall(r"docker run --rm aetherflow:local ([a-z ]+)", COMPOSE_TEXT),
}


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE_TEXT], ids=["Dockerfile", "docker-compose.yml"])
def test_every_setting_that_is_named_exists(text: str) -> None:
    named = {name.lower() for name in re.findall(rf"{PREFIX}(\w+)", text)}
    assert named
    assert named <= Settings.model_fields.keys()


@pytest.mark.parametrize("service", OURS)
def test_every_setting_of_a_server_can_be_given_to_compose(service: str) -> None:
    given = {name.removeprefix(PREFIX).lower() for name in OURS[service]["environment"]}
    assert given == Settings.model_fields.keys() - CLIENT_SETTINGS


@pytest.mark.parametrize("source", COPIED)
def test_what_the_image_copies_exists_and_reaches_the_build(source: str) -> None:
    assert (ROOT / source).exists()
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    assert any(
        fnmatch(source.rstrip("/"), pattern[1:].rstrip("/")) for pattern in patterns if pattern[:1] == "!"
    )


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_that_is_named_exists(command: str) -> None:
    assert arguments_of("ENTRYPOINT") == ['["aetherflow"]']
    assert run(*command.split(), "--help", environment={}).returncode == 0


def test_every_image_has_a_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += [arguments.split()[0] for arguments in arguments_of("FROM")]
    for image in images:
        assert re.fullmatch(r"[\w./-]+:(?!latest$)[\w.-]+", image), image


def test_no_secret_is_written_down() -> None:
    secrets = {
        f"{PREFIX}{name.upper()}" for name, field in Settings.model_fields.items() if holds_secret(field)
    }
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if name in secrets or "PASSWORD" in name:
                assert value in {None, REDIS_WITHOUT_PASSWORD} or "${" in value, name


def test_what_must_be_set_stops_compose_when_it_is_not() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))
    assert required == {"POSTGRES_PASSWORD", "AETHERFLOW_KEYRING"}


def test_the_image_does_not_run_as_root() -> None:
    assert arguments_of("USER")[-1] == "aetherflow"


def test_servers_and_workers_start_on_a_migrated_database_and_may_finish_what_they_do() -> None:
    for name in ("serve", "worker"):
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert int(OURS[name]["stop_grace_period"].removesuffix("s")) > 30
    assert OURS["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_nothing_is_published_but_the_server_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"serve": ["127.0.0.1:${AETHERFLOW_PORT:-8400}:8400"]}


def holds_secret(field: Any) -> bool:
    return SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))
