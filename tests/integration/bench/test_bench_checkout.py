"""The benchmark of whole checkouts works, and the page tells the history that a paid checkout has."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import orjson
import pytest

from bench.checkout.history import Told, read_page
from dev.stack import ROOT

PAGE = ROOT / "docs/bench.md"
EVENTS_MOST = 30
PATIENCE_SECONDS = 280
"""For a whole stack to start, sell and end, however busy the machine."""
UNLIKE, NAMES = 0.25, 40
"""Share and bytes by which an event may differ from the page: hosts and processes have names of any length."""

pytestmark = pytest.mark.timeout(PATIENCE_SECONDS + 20)


@pytest.fixture(scope="session")  # half a minute, and modules of a folder are mixed
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run it for a moment."""
    place = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "cli", "bench", "checkout", "--quick"]
    written = ["--json", f"{place}/figures.json", "--plot", f"{place}/picture.svg"]
    subprocess.run([*command, *written], check=True, timeout=PATIENCE_SECONDS)
    assert (place / "picture.svg").read_text().startswith("<?xml")
    told: dict[str, Any] = orjson.loads((place / "figures.json").read_bytes())
    return told


def test_a_quick_run_tells_all_ratios_of_checkouts(figures: dict[str, Any]) -> None:
    """In the contract's words, with what a reader needs to judge them."""
    wanted = {"checkout_vs_bare", "reserve_latency_vs_bare", "events_per_checkout"}
    assert wanted < set(figures["ratios"])
    assert all(ratio > 0 for ratio in figures["ratios"].values())
    assert {"python", "postgres", "temporal", "temporalio"} <= set(figures["versions"])
    assert all(figures[size] > 0 for size in ("cores", "callers", "seconds"))
    contests = figures["measured"] | figures["beside"]
    assert set(contests) == {"checkout", "bare_saga", "bare_twin", "post", "bare_start"}
    assert all(one["rate"] > 0 and one["p50_ms"] <= one["p99_ms"] for one in contests.values())


def test_a_paid_checkout_spends_no_more_events_than_allowed(figures: dict[str, Any]) -> None:
    """Each of those that were looked at; the twin that it is compared with spends the same ones."""
    assert max(figures["rounds"]["events_per_checkout"]) <= EVENTS_MOST
    assert figures["twin_is_alike"]


def test_the_page_tells_each_event_of_a_paid_checkout(figures: dict[str, Any]) -> None:
    """In order, about as large as it is, with its reader."""
    live = [Told(**event) for event in figures["history"]]
    page = read_page(PAGE.read_text())
    assert page
    assert [(one.event, one.reader) for one in page] == [(one.event, one.reader) for one in live]
    for said, seen in zip(page, live, strict=True):
        assert said.size == pytest.approx(seen.size, rel=UNLIKE, abs=NAMES), said.event
