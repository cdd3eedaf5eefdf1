"""The worker of the bare sagas is as strong as the one that it is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.payments import PaymentSteps
from activities.refunds import RefundSteps
from activities.stock import StockSteps
from bench.checkout.worker import bare_worker
from dev.temporal import running_temporal
from ledger.posting import Ledger
from ledger.watch import Watch
from payments.provider import PaymentProvider
from settings.model import EngineSettings
from worker.main import checkout_worker

DIFFERENT = {
    "client",
    "task_queue",
    "workflows",
    "activities",
    "interceptors",
    "graceful_shutdown_timeout",
}
"""What they do, and how long it may take to end; all else decides how quick they are."""


def strength(worker: Worker) -> dict[str, Any]:
    """Read what a worker was made with; its sandbox by what it lets through."""
    made: dict[str, Any] = dict(worker.config())
    made["workflow_runner"] = made["workflow_runner"].restrictions.passthrough_modules
    return {name: value for name, value in made.items() if name not in DIFFERENT}


async def test_both_workers_have_the_same_settings(tmp_path: Path, ledger: Ledger) -> None:
    """Slots, cache, pollers, sandbox: whoever tunes one tunes the other, or the ratios lie."""
    settings, watch = EngineSettings(), Watch(ledger.engine)
    provider = PaymentProvider(base="http://127.0.0.1:9", key="sk_test", timeout_seconds=1)
    with running_temporal(tmp_path) as server:
        client = await Client.connect(server.address, namespace=server.namespace)
        steps = (
            StockSteps(ledger, watch),
            PaymentSteps(ledger, watch, provider),
            RefundSteps(ledger, provider, escalate_after=3),
        )
        ours = strength(checkout_worker(client, settings, *steps))
        bare = strength(bare_worker(client, settings))
    await provider.close()
    assert bare == ours
    assert {"max_concurrent_activities", "max_cached_workflows"} <= set(ours)
