"""A process may keep some of the noticeboards: the catalogue need not wait for a report to be added up."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

from tests.integration.events.conftest import Nats
from tests.integration.ledger.shop import Shop
from tests.integration.projections.conftest import NAMES
from tests.processes import OurProcess
from tests.workflows.shop import eventually


def settings_for(shop: Shop, bus: Nats) -> dict[str, str]:
    """Tell a process where everything is."""
    return {"DATABASE_URL": shop.database.application_url, "NATS_URL": bus.url}


async def test_two_processes_keep_what_each_was_told_to(
    shop: Shop, bus: Nats, tmp_path: Path
) -> None:
    """Together all of them."""

    async def made(*names: str) -> bool:
        rows = shop.database.rows(
            "SELECT projection FROM projections.generation WHERE state = 'live'"
        )
        return {name for (name,) in rows} == set(names)

    apart, *others = NAMES
    with ExitStack() as ended:
        for number, some in enumerate(((apart,), others)):
            options = [word for name in some for word in ("--only", name)]
            log = tmp_path / f"{number}.log"
            process = OurProcess("projections", log, settings_for(shop, bus), *options)
            ended.callback(process.close)
            await eventually(lambda: made(*NAMES[: 1 + number * len(others)]))  # noqa: B023 - awaited at once
            assert process.end() == 0


async def test_one_that_cannot_be_kept_is_said(shop: Shop, bus: Nats, tmp_path: Path) -> None:
    """A search, where nobody said in which directory; and one that there never was."""
    for name in ("search", "nothing"):
        log = tmp_path / f"{name}.log"
        process = OurProcess("projections", log, settings_for(shop, bus), "--only", name)
        assert await asyncio.to_thread(process.process.wait) == 2
        assert f"There is no noticeboard {name} to be kept here." in log.read_text()
