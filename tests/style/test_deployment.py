"""The production shape is held to the code: it is not run here, so it must not be able to drift."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from typer.main import get_command

from cli.main import app
from settings import model
from tests.style.test_documentation import settings_variables
from tests.style.tree import ROOMS, ROOT
from workflows.search_attributes import SEARCH_ATTRIBUTES

READ_BY: dict[str, tuple[type[model.Group], ...]] = {
    "api": (
        model.DatabaseSettings,
        model.EngineSettings,
        model.WebhookSettings,
        model.TokenSettings,
        model.CheckoutSettings,
        model.ReservationTokenSettings,
        model.ApiSettings,
        model.SearchSettings,
        model.TelemetrySettings,
    ),
    "worker": (
        model.DatabaseSettings,
        model.EngineSettings,
        model.ProviderSettings,
        model.CheckoutSettings,
        model.LoopSettings,
        model.DrillSettings,
        model.TelemetrySettings,
    ),
    "relay": (
        model.DatabaseSettings,
        model.BusSettings,
        model.RelaySettings,
        model.DrillSettings,
        model.TelemetrySettings,
    ),
    "projections": (
        model.DatabaseSettings,
        model.BusSettings,
        model.ProjectionSettings,
        model.SearchSettings,
        model.DrillSettings,
        model.TelemetrySettings,
    ),
    "migrate": (model.OwnerSettings,),
}
WITHOUT_ENGINE = {"migrate", "relay", "projections"}
TEMPORAL = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}


def compose() -> dict[str, Any]:
    """Read the compose file as Docker would, merges resolved."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return whole


def our_services() -> dict[str, dict[str, Any]]:
    """Give the services that run our image."""
    return {name: service for name, service in compose()["services"].items() if "build" in service}


def variables_of(groups: tuple[type[model.Group], ...], *, required: bool) -> set[str]:
    """Name the variables some groups read, or only those without a default."""
    return {
        str(field.validation_alias or f"ONHAND_{name.upper()}")
        for group in groups
        for name, field in group.model_fields.items()
        if not required or field.is_required()
    }


@pytest.mark.parametrize("name", sorted(our_services()))
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    """A renamed command must not be found out in production."""
    (command,) = our_services()[name]["command"]
    assert command in get_command(app).commands  # type: ignore[attr-defined]
    assert command in READ_BY


@pytest.mark.parametrize("name", sorted(our_services()))
def test_a_service_is_told_what_it_needs_and_nothing_else(name: str) -> None:
    """A missing variable stops it; one too many is a secret in the wrong place."""
    service = our_services()[name]
    (command,) = service["command"]
    told = set(service["environment"])
    groups = READ_BY[command]
    assert variables_of(groups, required=True) - told == set()
    assert told - variables_of(groups, required=False) - TEMPORAL == set()
    if command not in WITHOUT_ENGINE:
        assert told >= TEMPORAL


def test_every_service_waits_for_what_it_needs() -> None:
    """Nothing of ours starts on a database without its schema or an engine without its namespace."""
    for name, service in our_services().items():
        waits = service.get("depends_on", {})
        needed = {"migrate"} if name in WITHOUT_ENGINE else {"migrate", "temporal-init"}
        assert name == "migrate" or needed <= set(waits)
        assert all("condition" in wait for wait in waits.values())


def test_dependencies_between_services_exist() -> None:
    """A typo here would be an error at `docker compose up`."""
    services = compose()["services"]
    named = {target for service in services.values() for target in service.get("depends_on", {})}
    assert named <= set(services)


def test_mounted_files_exist() -> None:
    """A mount of a missing file makes an empty folder."""
    mounts = (
        mount for service in compose()["services"].values() for mount in service.get("volumes", ())
    )
    sources = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_no_secret_has_a_default() -> None:
    """A default password is everybody's password."""
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEY|SECRET)\w*)(:\?)?", text)
    assert len(secrets) >= 8
    assert [name for name, required in secrets if not required] == []


def test_no_archived_image_is_used() -> None:
    """The auto-setup image gets no more builds."""
    images = [service.get("image", "") for service in compose()["services"].values()]
    assert not any("auto-setup" in image for image in images)
    assert all(":" in image for image in images if image)


def test_the_image_holds_every_room() -> None:
    """A room that is not copied is an ImportError in production."""
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY")}
    assert copied == {*ROOMS, "requirements/production.txt"}
    assert 'ENTRYPOINT ["python", "-m", "cli"]' in lines
    assert any(re.match(r"USER (?!root)", line) for line in lines)


def test_the_engine_gets_our_search_attributes() -> None:
    """An attribute that is not registered stops every workflow that sets it."""
    script = (ROOT / "deploy/temporal/namespace.sh").read_text()
    registered = dict(re.findall(r"^attribute (\w+) (\w+)$", script, re.MULTILINE))
    assert registered == SEARCH_ATTRIBUTES


def test_the_readers_above_read_every_setting() -> None:
    """A settings group that no process reads is dead."""
    groups = tuple({group for groups in READ_BY.values() for group in groups})
    assert variables_of(groups, required=False) == set(settings_variables())
