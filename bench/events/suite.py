"""The benchmark of the events, from a filled outbox to figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from time import perf_counter

from bench.driving import interleaved
from bench.events.contenders import Publishing, Relaying, each_alone, fresh_bus
from bench.events.lag import measured
from bench.figures import Ratio
from bench.findings import Findings
from bench.ledger.ground import ground, refilled
from bench.ledger.seeding import seed_grown
from dev.database import DatabaseUrls
from events.jetstream import JetStreamBus
from events.relay import Relay
from ledger.database import engine
from ledger.outgoing import Outbox

Says = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured. The defaults are the contract's; less only shows that it works."""

    events: int = 600_000
    burst: int = 100_000
    """Events that are drained to the last one."""
    changes: int = 20_000
    """That wait for a relay, and are then to be shown."""
    skus: int = 2_000
    """That change while the lag is measured."""
    rounds: int = 5
    seconds: float = 10.0


QUICK = Plan(events=12_000, burst=2_000, changes=500, skus=100, rounds=1, seconds=0.1)


async def measure(plan: Plan, says: Says) -> Findings:
    """Measure all of it on servers of its own. Raises dev.errors.DevError, OutOfEventsError."""
    with ground(None) as place:
        findings = Findings(
            unit="Events a second",
            versions={"postgres": place.version(), "nats-py": version("nats-py")},
            sizes={"events": plan.events, "seconds": plan.seconds},
        )
        urls = place.fresh("events")
        says("filling the outbox")
        seed_grown(urls.owner_url, plan.events)
        pool = engine(urls.application_url, pool_size=2)
        relaying = Relaying(
            name="relay",
            title="outbox and relay",
            engine=pool,
            owner_url=urls.owner_url,
        )
        publishers = [
            Publishing(
                name=name,
                title=f"bare publisher of the same {what}",
                engine=pool,
                owner_url=urls.owner_url,
                publish=publish,
            )
            for name, what, publish in (
                ("bare", "bytes", each_alone),
                ("batches", "batches", JetStreamBus.publish),
            )
        ]
        found = await interleaved(
            (relaying, *publishers),
            rounds=plan.rounds,
            seconds=plan.seconds,
            least_ready=0,
            told=says,
        )
        findings.contests += found.values()
        findings.ratios += [
            Ratio.between("events_vs_bare", found["relay"], found["bare"]),
            Ratio.between("events_vs_bare_batches", found["relay"], found["batches"]),
        ]
        says("draining a burst")
        refilled(urls.owner_url, plan.burst)
        findings.notes.append(await _drained(Outbox(pool), plan.burst))
        await pool.dispose()
        says("measuring the lag")
        await _find_lag(findings, place.fresh("catalogue"), plan)
        return findings


async def _find_lag(findings: Findings, urls: DatabaseUrls, plan: Plan) -> None:
    lag = await measured(
        urls, burst=plan.changes, rounds=plan.rounds, seconds=plan.seconds, skus=plan.skus
    )
    findings.beside.append(lag.contest)
    findings.ratios.append(
        Ratio(key="lag_p99_ms", rounds=tuple(load.p99_ms for load in lag.contest.loads))
    )
    findings.notes.append(
        f"Of {plan.changes:,} changes that waited for a relay, {lag.carried:,.0f} a second came to be shown."
        f" The lag was measured at {lag.rate:,.0f}; half is {lag.carried / 2:,.0f}."
    )


async def _drained(outbox: Outbox, burst: int) -> str:
    """Carry so many events, and tell how long it took."""
    async with fresh_bus() as bus:
        relay = Relay(outbox, bus)
        began, carried = perf_counter(), 0
        while carried < burst:
            carried += await relay.carry()
        seconds = perf_counter() - began
    return f"A burst of {carried:,} events was out in {seconds:.1f} s."
