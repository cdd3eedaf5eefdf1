"""The benchmark of the ledger, from an empty data directory to figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.driving import Contender, interleaved
from bench.figures import Contest, Ratio
from bench.findings import Findings
from bench.ledger.contenders import (
    CALLERS,
    SKUS,
    Reserving,
    crossed,
    grouped,
    hot,
    one_each,
    spread,
)
from bench.ledger.ground import Ground, ground
from bench.ledger.pgbench import Pgbench, find_pgbench
from bench.ledger.processes import TwoProcesses
from bench.ledger.seeding import Size, seed_grown
from bench.ledger.shop import Carts, Skus, stock_up
from dev.postgres import DatabaseUrls
from ledger.database import engine
from ledger.migrate import upgrade
from ledger.posting import Ledger

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured. The defaults are the contract's; less only shows that it works."""

    movements: int = 10_000_000
    skus: int = SKUS
    callers: int = CALLERS
    ladder: tuple[int, ...] = (1, 8, 64, 512)
    """Callers, on the hot sku."""
    rounds: int = 5
    seconds: float = 10.0
    least_ready: int = 2_000
    keep: Path | None = None
    """Where the server's data stays, and a grown ledger is found again."""

    def sizes(self) -> dict[str, int | float]:
        """Tell what matters to a reader of the figures."""
        return {
            "callers": self.callers,
            "seconds": self.seconds,
            "movements": self.movements,
            "skus": self.skus,
        }


QUICK = Plan(
    movements=2_000, skus=20, callers=8, ladder=(8,), rounds=1, seconds=0.4, least_ready=20
)


@dataclass(kw_only=True)
class LedgerFindings(Findings):
    """What was found, and how often the database made our ledgers post again."""

    unit: str = "Reservations a second"
    retries: int = 0

    def facts(self) -> dict[str, object]:
        """Tell the repeated posts."""
        return {"retries": self.retries}


async def measure(plan: Plan, told: Told) -> LedgerFindings:
    """Measure all of it. Raises dev.errors.DevError where no server can be had."""
    with ground(plan.keep) as place:
        program = find_pgbench()
        findings = LedgerFindings(versions={"postgres": place.version()}, sizes=plan.sizes())
        empty = await _empty(place, plan.skus, told)
        await _main(plan, empty, program, findings, told)
        await _beside(plan, empty, findings, told)
        await _grown(plan, place, findings, told)
    findings.notes.append(f"Posts tried again: {findings.retries}")
    return findings


async def _main(
    plan: Plan, urls: DatabaseUrls, program: str | None, findings: LedgerFindings, told: Told
) -> None:
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(grouped(urls.application_url))
        single = await stack.enter_async_context(one_each(urls.application_url, plan.callers))
        rivals: list[Contender] = [
            _reserving("hot_group", "one hot sku, group commit", group, hot, plan.callers),
            _reserving(
                "hot_single", "one hot sku, one transaction each", single, hot, plan.callers
            ),
            _reserving(
                "spread_group", "10,000 skus, group commit", group, spread(plan.skus), plan.callers
            ),
        ]
        if program is None:
            findings.notes.append("spread_vs_pgbench is left out: no pgbench was found.")
        else:
            url = urls.application_url
            rivals.append(
                Pgbench(
                    program=program, url=url, ledger=group, skus=plan.skus, clients=plan.callers
                )
            )
        found = await _contest(plan, rivals, told)
        findings.contests += found.values()
        findings.ratios += [
            Ratio.between("hot_vs_single", found["hot_group"], found["hot_single"]),
            Ratio.between("hot_vs_spread", found["hot_group"], found["spread_group"]),
        ]
        if program is not None:
            pair = (found["spread_group"], found["spread_pgbench"])
            findings.ratios.append(Ratio.between("spread_vs_pgbench", *pair))
        findings.retries += group.retries + single.retries


async def _beside(plan: Plan, urls: DatabaseUrls, findings: LedgerFindings, told: Told) -> None:
    url = urls.application_url
    for callers in plan.ladder:
        async with grouped(url) as group, one_each(url, callers) as single:
            for name, title, ledger in (
                ("group", "group commit", group),
                ("single", "one transaction each", single),
            ):
                rival = _reserving(
                    f"hot_{name}_{callers}",
                    f"one hot sku, {callers} callers, {title}",
                    ledger,
                    hot,
                    callers,
                )
                await _once(plan, rival, findings, told)
            findings.retries += group.retries + single.retries
    async with grouped(url) as group:
        title = "5 lines each, crossed, group commit"
        await _once(
            plan,
            _reserving("crossed_group", title, group, crossed(plan.skus), plan.callers),
            findings,
            told,
        )
        for name, skus in (("hot", hot), ("spread", spread(plan.skus))):
            both = TwoProcesses(
                name=f"{name}_two_processes",
                title=f"{name}, two processes of {plan.callers} callers, group commit",
                url=url,
                callers=plan.callers,
                carts=_carts(group, skus, f"{name}-two"),
            )
            await _once(plan, both, findings, told)
        findings.retries += group.retries


async def _grown(plan: Plan, place: Ground, findings: LedgerFindings, told: Told) -> None:
    size = Size.of(plan.movements)
    skus = min(size.skus, plan.skus)
    urls = _grown_database(place, plan.movements, findings, told)
    fresh = await _empty(place, skus, told, name="fresh")
    async with grouped(urls.application_url) as grown, grouped(fresh.application_url) as empty:
        rivals = [
            _reserving("grown_group", _of(size, "spread"), grown, spread(skus), plan.callers),
            _reserving(
                "empty_group",
                "empty ledger, spread, group commit",
                empty,
                spread(skus),
                plan.callers,
            ),
        ]
        found = await _contest(plan, rivals, told)
        findings.contests += found.values()
        pair = (found["grown_group"], found["empty_group"])
        findings.ratios.append(Ratio.between("grown_vs_empty", *pair))
        findings.retries += grown.retries + empty.retries
    place.drop("fresh")


def _of(size: Size, how: str) -> str:
    return f"ledger of {size.movements:,} movements, {how}, group commit"


def _grown_database(
    place: Ground, movements: int, findings: LedgerFindings, told: Told
) -> DatabaseUrls:
    name = f"grown_{movements}"
    urls = place.kept(name)
    if urls is None:
        begun = perf_counter()
        fresh = place.fresh("growing")
        size = seed_grown(
            fresh.owner_url, movements, grown=lambda share: told(f"growing a ledger: {share:.0%}")
        )
        took = perf_counter() - begun
        urls = place.rename("growing", name)
        findings.notes.append(
            f"{size.movements:,} movements over {size.skus:,} skus in {took:.0f} s."
        )
    upgrade(urls.owner_url)
    findings.notes.append(f"The grown ledger is {place.megabytes(name):,} MB on disk.")
    return urls


async def _empty(place: Ground, skus: int, told: Told, name: str = "empty") -> DatabaseUrls:
    told(f"stocking {skus:,} skus")
    urls = place.fresh(name)
    pool = engine(urls.application_url)
    try:
        await stock_up(pool, skus)
    finally:
        await pool.dispose()
    return urls


def _reserving(name: str, title: str, ledger: Ledger, skus: Skus, callers: int) -> Reserving:
    return Reserving(
        name=name, title=title, ledger=ledger, carts=_carts(ledger, skus, name), callers=callers
    )


def _carts(ledger: Ledger, skus: Skus, owner: str) -> Carts:
    return Carts(ledger=ledger, skus=skus, owner=owner)


async def _contest(plan: Plan, rivals: Sequence[Contender], told: Told) -> dict[str, Contest]:
    return await interleaved(
        rivals,
        rounds=plan.rounds,
        seconds=plan.seconds,
        least_ready=plan.least_ready,
        told=told,
    )


async def _once(plan: Plan, rival: Contender, findings: LedgerFindings, told: Told) -> None:
    found = await interleaved(
        [rival], rounds=1, seconds=plan.seconds / 2, least_ready=plan.least_ready, told=told
    )
    findings.beside += found.values()
