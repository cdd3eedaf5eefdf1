"""The worker process: reads its settings, starts the loops, then runs stories for as long as Temporal answers.

The loops start before Temporal does and outlive it: they are what ends holds and keeps events when the
engine is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.payments import PaymentSteps
from activities.recovering import RecoverySteps
from activities.refunds import RefundSteps
from activities.stock import StockSteps
from activities.strides import Strides
from ledger import inbox
from ledger.database import engine as open_engine
from ledger.posting import Ledger
from ledger.promises import Promises
from ledger.watch import Watch
from payments.provider import PaymentProvider
from settings.model import (
    CheckoutSettings,
    DatabaseSettings,
    DrillSettings,
    EngineSettings,
    LoopSettings,
    ProviderSettings,
    TelemetrySettings,
)
from worker.alarm import ChannelAlarm
from worker.attention import Attention
from worker.delivery import Delivery
from worker.documents import Documents
from worker.engine import RETRY_SECONDS, Engine
from worker.loops import run_loop
from worker.orphans import Orphans
from worker.polling import Polling
from worker.process import begun
from worker.promised import promised
from worker.reaper import Reaper
from worker.starting import Starter
from workflows.after_the_sale import RefundsWorkflow, ReturnWorkflow
from workflows.checkout import CheckoutWorkflow
from workflows.late_payment import LatePaymentWorkflow
from workflows.recovery import RecoveryWorkflow

log = structlog.get_logger("worker")

ENGINE_FAILURES = Counter("onhand_engine_failures_total", "Times the engine ended us", ["error"])

PASSED_THROUGH = (
    "activities",
    "ledger",
    "payments",
    "sqlalchemy",
    "orjson",
    "pydantic",
    "workflows.declines",
    "workflows.resuming",
    "workflows.steps",
    "workflows.story",
    "workflows.wording",
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
    drill: DrillSettings

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
            drill=DrillSettings(),
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
    promises = Promises(payments.ledger.engine)
    recovery = RecoverySteps(payments.ledger, promises, payments.provider)
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[
            *(CheckoutWorkflow, RecoveryWorkflow, LatePaymentWorkflow),
            *(RefundsWorkflow, ReturnWorkflow),
        ],
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
            recovery.find_checkout,
            recovery.find_late_payment,
            recovery.give_back_stray,
            refunds.refund_payment,
            refunds.pay_refund,
            refunds.find_debts,
            refunds.find_return_debts,
        ],
        interceptors=[Attention(client, timedelta(seconds=settings.attention_after_seconds))],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=40,
        max_concurrent_activities=100,
        sticky_queue_schedule_to_start_timeout=timedelta(
            seconds=settings.sticky_schedule_to_start_seconds
        ),
        graceful_shutdown_timeout=timedelta(seconds=settings.start_to_close_seconds),
        deployment_config=_deployment(settings),
    )


def _deployment(settings: EngineSettings) -> WorkerDeploymentConfig | None:
    """Name the worker's version, in deployments that have them.

    The behaviour is the worker's and never the workflow's own: one on the workflow makes the engine refuse
    every task of a worker without a version.
    """
    if settings.deployment_name is None or settings.worker_build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name, settings.worker_build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior[settings.versioning_behavior.upper()],
    )


async def run(settings: WorkerSettings) -> None:
    """Run until SIGTERM or SIGINT, then let running steps end."""
    stop = begun(settings.telemetry, settings.drill)
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
    alarm = ChannelAlarm(database, inbox.CHANNEL)
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
                    for loop in _loops(settings, ledger, provider, engine, alarm)
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
    settings: WorkerSettings,
    ledger: Ledger,
    provider: PaymentProvider,
    engine: Engine,
    alarm: ChannelAlarm,
) -> tuple[Coroutine[None, None, None], ...]:
    loops = settings.loops
    watch, promises = Watch(ledger.engine), Promises(ledger.engine)
    starter = Starter(
        task_queue=settings.engine.task_queue,
        payment_attempts=settings.checkout.payment_attempts,
        step_seconds=settings.engine.start_to_close_seconds,
    )
    delivery = Delivery(watch, engine, starter)
    reaper = Reaper(ledger, watch, timedelta(seconds=loops.reaper_grace_seconds))
    silence = timedelta(seconds=loops.polling_silence_seconds)
    polling = Polling(promises, provider, engine, silence)
    orphans = Orphans(
        engine,
        promises,
        promised(promises, starter),
        task_queue=settings.engine.task_queue,
        grace=timedelta(seconds=loops.orphan_grace_seconds),
        recheck=timedelta(seconds=loops.orphan_recheck_seconds),
    )
    return (
        run_loop("delivery", delivery.round, loops.delivery_interval_seconds, alarm),
        run_loop("reaper", reaper.round, loops.reaper_interval_seconds),
        run_loop("polling", polling.round, loops.polling_interval_seconds),
        run_loop("orphans", orphans.round, loops.orphan_interval_seconds),
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
