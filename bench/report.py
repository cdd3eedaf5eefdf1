"""How figures are shown: tables on the terminal, JSON for machines, a picture for the page."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.figures import Contest, Ratio
from bench.ledger.suite import Findings, Plan

PACKAGES = ("onhand", "sqlalchemy", "psycopg", "orjson")


def show(findings: Findings, console: Console) -> None:
    """Print ratios, rates and notes."""
    console.print(_ratios(findings.ratios))
    console.print(_rates("Median over the rounds", findings.contests))
    console.print(_rates("Measured once, beside", findings.beside))
    for note in findings.notes:
        console.print(note)
    console.print(f"Posts tried again: {findings.retries}")


def told(findings: Findings, plan: Plan) -> bytes:
    """Tell everything as JSON."""
    return orjson.dumps(
        {
            "ratios": {ratio.key: round(ratio.value, 3) for ratio in findings.ratios},
            "rounds": {
                ratio.key: [round(one, 3) for one in ratio.rounds] for ratio in findings.ratios
            },
            "versions": _versions(findings),
            "cores": os.cpu_count(),
            "callers": plan.callers,
            "seconds": plan.seconds,
            "movements": plan.movements,
            "skus": plan.skus,
            "measured": {one.name: one.told() for one in findings.contests},
            "beside": {one.name: one.told() for one in findings.beside},
            "retries": findings.retries,
            "notes": findings.notes,
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def draw(findings: Findings, path: Path) -> None:
    """Draw the rates as bars. Needs the extra `test`."""
    import pygal  # type: ignore[import-untyped]  # noqa: PLC0415 - only where a picture is asked for
    from pygal.style import CleanStyle  # type: ignore[import-untyped]  # noqa: PLC0415

    contests = [*findings.contests, *findings.beside]
    chart = pygal.HorizontalBar(
        title="Reservations a second",
        style=CleanStyle,
        js=[],
        show_legend=False,
        print_values=True,
        print_values_position="top",
        formatter=lambda rate: f"{rate:,.0f}",
        width=900,
        height=60 + 34 * len(contests),
        truncate_label=-1,
        margin=20,
    )
    chart.x_labels = [contest.title for contest in reversed(contests)]
    chart.add("rate", [_bar(contest) for contest in reversed(contests)])
    chart.render_to_file(str(path))


def _bar(contest: Contest) -> dict[str, Any]:
    rates = [load.rate for load in contest.loads]
    return {"value": contest.rate, "ci": {"low": min(rates), "high": max(rates)}}


def _ratios(ratios: list[Ratio]) -> Table:
    table = Table("ratio", "median", "lowest", "highest", "rounds", title="Ratios")
    for ratio in ratios:
        lowest, highest = min(ratio.rounds), max(ratio.rounds)
        figures = (f"{number:.2f}" for number in (ratio.value, lowest, highest))
        table.add_row(ratio.key, *figures, str(len(ratio.rounds)))
    return table


def _rates(title: str, contests: list[Contest]) -> Table:
    table = Table("contender", title=title)
    for heading in ("a second", "lowest", "highest", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for contest in contests:
        rates = [load.rate for load in contest.loads]
        table.add_row(
            contest.title,
            *(f"{rate:,.0f}" for rate in (contest.rate, min(rates), max(rates))),
            f"{contest.p50_ms:.1f}",
            f"{contest.p99_ms:.1f}",
        )
    return table


def _versions(findings: Findings) -> dict[str, str | None]:
    return {
        "python": platform.python_version(),
        "postgres": findings.postgres,
        **{name: metadata.version(name) for name in PACKAGES},
    }
