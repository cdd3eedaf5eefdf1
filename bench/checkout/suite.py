"""The benchmark of whole checkouts, from an empty state directory to figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.checkout import history
from bench.checkout.bare import BareSaga, BareStart, BareTwin
from bench.checkout.contenders import (
    PRICE_MINOR,
    SKU,
    Posting,
    Selling,
    Telling,
    WentWrongError,
)
from bench.checkout.worker import started_bare_worker
from bench.driving import Contender, interleaved
from bench.figures import Contest, Ratio, half_waited
from bench.findings import Findings
from dev.demo.shop import Shop
from dev.ports import free_port
from dev.runtime import Runtime
from dev.stack_process import started_stack
from ledger.checkouts import Status

RECEIPTS = 10
UNITS = 10_000
"""Of each receipt: nothing runs out."""

Says = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured. The defaults are the contract's; less only shows that it works."""

    callers: int = 16
    """Enough to keep two cores busy with either contender; more only wait longer."""
    rounds: int = 5
    seconds: float = 10.0
    looked_at: int = 100
    """Checkouts whose rows and histories are read afterwards."""


QUICK = Plan(callers=4, rounds=1, seconds=0.4, looked_at=5)


@dataclass(kw_only=True)
class CheckoutFindings(Findings):
    """What was found, and the history of one paid checkout."""

    unit: str = "Whole checkouts a second"
    history: list[history.Told] = field(default_factory=list)
    twin_is_alike: bool = False
    """Whether the bare twin's history has the same events in the same order."""

    def facts(self) -> dict[str, object]:
        """Tell the history."""
        return {
            "history": [asdict(event) for event in self.history],
            "twin_is_alike": self.twin_is_alike,
        }


async def measure(plan: Plan, says: Says) -> CheckoutFindings:
    """Measure all of it on a stack of its own. Raises dev.errors.DevError, WentWrongError."""
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onhand-bench-")))
        # Its own Postgres, and never the usual ports: those may be somebody's `onhand dev`.
        own = {"DATABASE_URL": "", "ONHAND_API_PORT": str(free_port())}
        runtime = stack.enter_context(started_stack(place / "stack", environment=own))
        says("starting the bare worker")
        stack.enter_context(started_bare_worker(runtime, place / "bare.log"))
        shop = await stack.enter_async_context(Shop.open(runtime))
        await shop.offer(SKU, "Bench lamp", PRICE_MINOR)
        for number in range(RECEIPTS):
            await shop.receive(f"bench-{number}", "BER1", {SKU: UNITS})
        findings = await _measured(plan, await _client(runtime), shop, says)
        findings.versions["postgres"] = _postgres(runtime)
        return findings


async def _measured(plan: Plan, client: Client, shop: Shop, says: Says) -> CheckoutFindings:
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    findings = CheckoutFindings(
        versions={"temporal": system.server_version},
        sizes={"callers": plan.callers, "seconds": plan.seconds},
    )
    posting = Posting(name="post", title="POST to reserved, one caller", shop=shop, callers=1)
    selling = Selling(
        name="checkout",
        title="whole checkouts over HTTP",
        posting=posting,
        client=client,
        callers=plan.callers,
    )
    start = Telling(
        name="bare_start",
        title="bare Update-with-Start with one activity, one caller",
        client=client,
        bare=BareStart,
        callers=1,
    )
    saga = Telling(
        name="bare_saga",
        title="bare saga: three activities, timer, signal",
        client=client,
        bare=BareSaga,
        callers=plan.callers,
    )
    twin = Telling(
        name="bare_twin",
        title="bare saga of a checkout's own shape",
        client=client,
        bare=BareTwin,
        callers=plan.callers,
    )
    waited = await _contest(plan, says, posting, start)
    found = await _contest(plan, says, selling, saga, twin)
    findings.contests += found.values()
    findings.beside += waited.values()
    findings.ratios += [
        Ratio.between("checkout_vs_bare", found["checkout"], found["bare_saga"]),
        Ratio.between("checkout_vs_twin", found["checkout"], found["bare_twin"]),
        Ratio.between(
            "reserve_latency_vs_bare", waited["post"], waited["bare_start"], of=half_waited
        ),
    ]
    says("reading histories")
    await _histories(findings, plan, selling, twin)
    return findings


async def _contest(plan: Plan, says: Says, *rivals: Contender) -> dict[str, Contest]:
    return await interleaved(
        rivals, rounds=plan.rounds, seconds=plan.seconds, least_ready=0, told=says
    )


async def _histories(
    findings: CheckoutFindings, plan: Plan, selling: Selling, twin: Telling
) -> None:
    """Read some of the checkouts, evenly over all rounds; their rows must say confirmed."""
    some = selling.sold[:: max(1, len(selling.sold) // plan.looked_at)]
    counts: list[int] = []
    for checkout in some:
        row = await selling.posting.shop.look(checkout)
        if row["status"] != Status.CONFIRMED:
            raise WentWrongError(row)
        counts.append(len((await selling.story(checkout).fetch_history()).events))
    findings.ratios.append(Ratio(key="events_per_checkout", rounds=tuple(counts)))
    usual = some[counts.index(sorted(counts)[len(counts) // 2])]
    ours = await selling.story(usual).fetch_history()
    bare = await selling.client.get_workflow_handle(twin.told[-1]).fetch_history()
    findings.history = history.told(ours)
    findings.twin_is_alike = history.kinds(ours) == history.kinds(bare)
    size = sum(event.size for event in findings.history)
    findings.notes.append(
        f"A paid checkout's history: {len(findings.history)} events, {size} bytes."
    )


async def _client(runtime: Runtime) -> Client:
    return await Client.connect(
        runtime.temporal_address,
        namespace=runtime.temporal_namespace,
        data_converter=pydantic_data_converter,
    )


def _postgres(runtime: Runtime) -> str:
    with psycopg.connect(runtime.database_url, sslmode="disable") as connection:
        major, minor = divmod(connection.info.server_version, 10_000)
    return f"{major}.{minor}"
