"""The pages say what there is, and nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings
from typer.main import get_command

import api.app
import worker.main
import worker.projections
import worker.relay
from api.problems import PROBLEMS
from cli.main import app
from ledger import crash_points
from ledger.examining.words import CHAIN_WORDS, HEAD_WORDS, PROMISE_REMEDIES
from settings import model
from tests.style.tree import ROOT, committed, product_modules

DEV_ONLY = {"ONHAND_STATE_DIR"}

MOST_BYTES_OF_A_PICTURE = 200_000


def settings_variables() -> dict[str, object]:
    """Give each variable that a settings group reads, with its default."""
    groups = [
        thing
        for thing in vars(model).values()
        if isinstance(thing, type)
        and issubclass(thing, BaseSettings)
        and thing not in (BaseSettings, model.Group)
    ]
    return {
        str(field.validation_alias or f"ONHAND_{name.upper()}"): field.default
        for group in groups
        for name, field in group.model_fields.items()
    }


def test_every_setting_is_documented() -> None:
    """An operator should never have to read the code to set something, or find a setting that is gone."""
    documented = set(
        re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    )
    assert documented == set(settings_variables()) | DEV_ONLY


def test_documented_defaults_are_the_defaults() -> None:
    """A wrong default on a page is worse than none."""
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| `?([\w.:/]+)`? \|",
        (ROOT / "docs/settings.md").read_text(),
        re.MULTILINE,
    )
    defaults = settings_variables()
    numbers = {name: told for name, told in rows if told.isdecimal()}
    assert len(numbers) > 10
    assert {name: float(str(defaults[name])) for name in numbers} == {
        name: float(told) for name, told in numbers.items()
    }


def test_every_command_is_documented() -> None:
    """The page and the command line are one list."""
    documented = set(
        re.findall(r"^\| `onhand (\w+)` \|", (ROOT / "docs/commands.md").read_text(), re.MULTILINE)
    )
    command = get_command(app)
    assert documented == set(command.commands)  # type: ignore[attr-defined]


def test_every_crash_point_is_documented() -> None:
    """Whoever plans a game day picks from the page; a place on it that is gone would never be died at."""
    assert api.app  # with the four loaded every place is named: nothing else runs in production
    assert worker.main
    assert worker.relay
    assert worker.projections
    page = (ROOT / "docs/crash-points.md").read_text()
    cells = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
    documented = {
        f"{name}.{when}"
        for cell in cells
        for name in re.findall(r"`([a-z_.]+)`", cell)
        for when in ("before", "after")
    }
    assert documented == {str(place) for place in crash_points.places()}


def test_every_problem_is_documented() -> None:
    """A frontend branches on codes: each must be on the page, with its status."""
    page = (ROOT / "docs/problems.md").read_text()
    documented = {
        code: int(status)
        for code, status in re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", page, re.MULTILINE)
    }
    assert documented == {code: status for code, (status, _) in PROBLEMS.items()}


def test_every_metric_on_a_page_is_counted() -> None:
    """An alert on a name that is gone stays quiet for ever."""
    pages = "".join(page.read_text() for page in committed("docs/*.md"))
    code = "".join(path.read_text() for path in product_modules())
    counted = set(re.findall(r"\"(onhand_[a-z_]+)\"", code))
    named = set(re.findall(r"\bonhand_[a-z]+(?:_[a-z]+)+\b", pages))
    assert len(named) > 5
    assert named <= counted


def test_every_finding_of_doctor_is_in_its_runbook() -> None:
    """Whoever reads a code at three in the morning must find it there, and none that is gone."""
    page = (ROOT / "docs/runbooks/doctor-finds-something.md").read_text()
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))
    assert documented == {*CHAIN_WORDS, *HEAD_WORDS}
    promises = set(re.findall(r"^\| (I\d\d) \|", page, re.MULTILINE))
    assert promises == set(PROMISE_REMEDIES)


@pytest.mark.parametrize("page", committed("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A dead link in a runbook is found at three in the morning."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    "picture", committed("*.png"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_picture_is_small_and_shown_somewhere(picture: Path) -> None:
    """Everybody who clones has it for ever."""
    pages = "".join(page.read_text() for page in committed("docs/*.md"))
    assert picture.stat().st_size <= MOST_BYTES_OF_A_PICTURE
    assert f"/{picture.name})" in pages


def test_make_targets_of_the_readme_exist() -> None:
    """The first command a stranger types must work."""
    wanted = set(re.findall(r"`?make (\w+)`?", (ROOT / "README.md").read_text()))
    offered = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert wanted & {"demo", "test", "dev"} == {"demo", "test", "dev"}
    assert wanted <= offered | {"alone"}


def test_every_decision_is_listed() -> None:
    """A decision that cannot be found is taken again."""
    pages = {path.name for path in (ROOT / "docs/decisions").glob("0*.md")}
    listed = set(re.findall(r"\((0[\w-]+\.md)\)", (ROOT / "docs/decisions/README.md").read_text()))
    assert pages == listed
