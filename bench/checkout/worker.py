"""A worker of the bare sagas, in a process of its own, with the settings of the real one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from bench.checkout.bare import TASK_QUEUE, BareSaga, BareStart, BareTwin, do_nothing
from dev.child import ChildSpec
from dev.clean_environment import clean_environment
from dev.foreground import running
from dev.probes import is_polled
from dev.runtime import Runtime
from dev.stack import ROOT
from settings.model import EngineSettings
from worker.engine import Engine
from worker.main import PASSED_THROUGH


def bare_worker(client: Client, settings: EngineSettings) -> Worker:
    """Make the worker as the checkouts' is made."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[BareStart, BareSaga, BareTwin],
        activities=[do_nothing],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=40,
        max_concurrent_activities=100,
        sticky_queue_schedule_to_start_timeout=timedelta(
            seconds=settings.sticky_schedule_to_start_seconds
        ),
    )


@contextmanager
def started_bare_worker(runtime: Runtime, log: Path) -> Iterator[None]:
    """Run it beside a stack for the time of a block. Raises dev.errors.DidNotStartError."""
    address, namespace = runtime.temporal_address, runtime.temporal_namespace
    engine = {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace}
    spec = ChildSpec(
        name="bare worker",
        command=(sys.executable, "-m", "bench.checkout.worker"),
        environment=clean_environment(os.environ) | engine,
        log=log,
        directory=ROOT,
        ready=lambda started: is_polled(address, namespace, TASK_QUEUE, since=started),
    )
    with running(spec):
        yield


async def _run() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = Engine()
    await engine.connect()
    async with bare_worker(await engine.client(), EngineSettings()):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_run())
