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
from bench.findings import Findings

PACKAGES = ("onhand", "sqlalchemy", "psycopg", "orjson", "temporalio")
TO_BE_ROUNDED = 100


def show(findings: Findings, console: Console) -> None:
    """Print ratios, rates and notes."""
    console.print(_ratios(findings.ratios))
    console.print(_rates("Median over the rounds", findings.contests))
    if findings.beside:
        console.print(_rates("Measured beside", findings.beside))
    for note in findings.notes:
        console.print(note)


def told(findings: Findings) -> bytes:
    """Tell everything as JSON."""
    return orjson.dumps(
        {
            "ratios": {ratio.key: round(ratio.value, 3) for ratio in findings.ratios},
            "rounds": {
                ratio.key: [round(one, 3) for one in ratio.rounds] for ratio in findings.ratios
            },
            "versions": _versions(findings),
            "cores": os.cpu_count(),
            **findings.sizes,
            "measured": {one.name: one.told() for one in findings.contests},
            "beside": {one.name: one.told() for one in findings.beside},
            "notes": findings.notes,
            **findings.facts(),
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def draw(findings: Findings, path: Path) -> None:
    """Draw the rates as bars. Needs the extra `test`."""
    import pygal  # type: ignore[import-untyped]  # noqa: PLC0415 - only where a picture is asked for
    from pygal.style import CleanStyle  # type: ignore[import-untyped]  # noqa: PLC0415

    contests = [*findings.contests, *findings.beside]
    chart = pygal.HorizontalBar(
        title=findings.unit,
        style=CleanStyle,
        js=[],
        show_legend=False,
        print_values=True,
        print_values_position="top",
        formatter=_rate,
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
            *(_rate(rate) for rate in (contest.rate, min(rates), max(rates))),
            f"{contest.p50_ms:.1f}",
            f"{contest.p99_ms:.1f}",
        )
    return table


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= TO_BE_ROUNDED else f"{rate:.1f}"


def _versions(findings: Findings) -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **findings.versions,
        **{name: metadata.version(name) for name in PACKAGES},
    }
