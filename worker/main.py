"""The worker process: reads its settings, starts the loops, then runs stories for as long as Temporal answers.

The loops start before Temporal does and outlive it: they are what ends holds and keeps events when the
engine is away.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter, start_http_server
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.payments import PaymentSteps
from activities.refunds import RefundSteps
from activities.stock import StockSteps
from activities.strides import Strides
from ledger.database import engine as open_engine
from ledger.posting import Ledger
from ledger.watch import Watch
from payments.provider import PaymentProvider
from settings.logging import configure
from settings.model import (
    CheckoutSettings,
    DatabaseSettings,
    EngineSettings,
    LoopSettings,
    ProviderSettings,
    TelemetrySettings,
)
from worker.alarm import WebhookAlarm
from worker.delivery import Delivery
from worker.documents import Documents
from worker.engine import RETRY_SECONDS, Engine
from worker.loops import run_loop
from worker.orphans import Orphans
from worker.reaper import Reaper
from worker.refunds import Refunds
from workflows.after_the_sale import RefundsWorkflow, ReturnWorkflow
from workflows.checkout import CheckoutWorkflow

log = structlog.get_logger("worker")

ENGINE_FAILURES = Counter("onhand_engine_failures_total", "Times the engine ended us", ["error"])

PASSED_THROUGH = (
    "activities",
    "ledger",
    "payments",
    "sqlalchemy",
    "orjson",
    "pydantic",
    "workflows.steps",
    "workflows.story",
)
"""Modules the workflow sandbox need not load anew: values and pure functions of ours, and their libraries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Everything the worker process is told."""

    database: DatabaseSettings
    engine: EngineSettings
    provider: ProviderSettings
    checkout: CheckoutSettings
    loops: LoopSettings
    telemetry: TelemetrySettings

    @classmethod
    def read(cls) -> WorkerSettings:
        """Read the environment. Raises pydantic.ValidationError naming what is missing."""
        return cls(
            database=DatabaseSettings(),
            engine=EngineSettings(),
            provider=ProviderSettings(),
            checkout=CheckoutSettings(),
            loops=LoopSettings(),
            telemetry=TelemetrySettings(),
        )


def checkout_worker(
    client: Client,
    settings: EngineSettings,
    stock: StockSteps,
    payments: PaymentSteps,
    refunds: RefundSteps,
) -> Worker:
    """Make the Temporal worker of the checkout task queue.

    Activities are regular ones on the workflow's own queue, so that they are started eagerly: as quick
    as local ones, without those's traps.
    """
    strides = Strides(stock, payments)
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[CheckoutWorkflow, RefundsWorkflow, ReturnWorkflow],
        activities=[
            strides.reserve_stock,
            strides.accept_payment,
            stock.reacquire_stock,
            stock.extend_hold,
            stock.release_stock,
            stock.expire_hold,
            stock.confirm_order,
            stock.cancel_order,
            payments.request_payment,
            payments.capture_payment,
            payments.void_payment,
            refunds.refund_payment,
            refunds.pay_refund,
            refunds.find_debts,
            refunds.find_return_debts,
        ],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=40,
        max_concurrent_activities=100,
        sticky_queue_schedule_to_start_timeout=timedelta(
            seconds=settings.sticky_schedule_to_start_seconds
        ),
        graceful_shutdown_timeout=timedelta(seconds=settings.start_to_close_seconds),
    )


async def run(settings: WorkerSettings) -> None:
    """Run until SIGTERM or SIGINT, then let running steps end."""
    configure(settings.telemetry.log_level, settings.telemetry.log_format)
    if settings.telemetry.metrics_port:
        start_http_server(settings.telemetry.metrics_port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = open_engine(
        settings.database.database_url.get_secret_value(),
        pool_size=settings.database.database_pool_size,
        name="onhand-worker",
    )
    provider = PaymentProvider(
        base=settings.provider.stripe_api_base,
        key=settings.provider.stripe_api_key.get_secret_value(),
        timeout_seconds=settings.provider.stripe_timeout_seconds,
    )
    alarm = WebhookAlarm(database)
    ledger, watch, engine = Ledger(database), Watch(database), Engine()
    steps = (
        StockSteps(ledger, watch),
        PaymentSteps(ledger, watch, provider),
        RefundSteps(ledger, provider, escalate_after=settings.checkout.refund_attempts),
    )
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(engine.connect()),
                *(
                    group.create_task(loop)
                    for loop in _loops(settings, ledger, watch, engine, alarm)
                ),
                group.create_task(_serve(settings.engine, engine, steps, stop)),
            ]
            await stop.wait()
            log.info("worker stopping")
            await tasks[-1]
            for task in tasks[:-1]:
                task.cancel()
    finally:
        await alarm.close()
        await provider.close()
        await ledger.drained()
        await database.dispose()


def _loops(
    settings: WorkerSettings, ledger: Ledger, watch: Watch, engine: Engine, alarm: WebhookAlarm
) -> tuple[Coroutine[None, None, None], ...]:
    loops = settings.loops
    delivery = Delivery(
        watch,
        engine,
        task_queue=settings.engine.task_queue,
        step_seconds=settings.engine.start_to_close_seconds,
    )
    reaper = Reaper(ledger, watch, timedelta(seconds=loops.reaper_grace_seconds))
    orphans = Orphans(
        watch,
        engine,
        grace=timedelta(seconds=loops.orphan_grace_seconds),
        task_queue=settings.engine.task_queue,
        payment_attempts=settings.checkout.payment_attempts,
        step_seconds=settings.engine.start_to_close_seconds,
    )
    refunds = Refunds(
        watch,
        engine,
        grace=timedelta(seconds=loops.refunds_grace_seconds),
        task_queue=settings.engine.task_queue,
        step_seconds=settings.engine.start_to_close_seconds,
    )
    return (
        run_loop("delivery", delivery.round, loops.delivery_interval_seconds, alarm),
        run_loop("reaper", reaper.round, loops.reaper_interval_seconds),
        run_loop("orphans", orphans.round, loops.orphan_interval_seconds),
        run_loop("refunds", refunds.round, loops.refunds_interval_seconds),
        run_loop("documents", Documents(ledger).round, loops.documents_interval_seconds),
    )


async def _serve(
    settings: EngineSettings,
    engine: Engine,
    steps: tuple[StockSteps, PaymentSteps, RefundSteps],
    stop: asyncio.Event,
) -> None:
    connecting = asyncio.create_task(engine.client())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        connecting.cancel()
        return
    while not stop.is_set():
        await _serve_once(checkout_worker(connecting.result(), settings, *steps), stopping)


async def _serve_once(worker: Worker, stopping: asyncio.Task[bool]) -> None:
    """Run stories until told to stop, or until the engine will not have us: the loops go on meanwhile."""
    running = asyncio.create_task(worker.run())
    log.info("worker ready", task_queue=worker.task_queue)
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stopping.done():
        await worker.shutdown()
        await running
    elif (error := running.exception()) is not None:
        ENGINE_FAILURES.labels(type(error).__name__).inc()
        log.warning("worker refused by the engine", error=type(error).__name__)
        await asyncio.wait({stopping}, timeout=RETRY_SECONDS)
