"""The whole of onhand on this machine: which processes, in which order, with which settings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from dev.child import ChildSpec, Probe, ready_at_once
from dev.database import create_database, database_urls, grant_application
from dev.errors import DidNotStartError
from dev.locations import make_locations
from dev.nats import NatsServer, find_nats
from dev.plan import Databases, Plan, make_plan
from dev.ports import HOST, PortClaims
from dev.postgres_cluster import PostgresCluster, open_cluster
from dev.probes import answers_ok, is_polled
from dev.runtime import Runtime
from dev.session import Stack, Step, run_session
from dev.state import StateDirectory
from dev.temporal import NAMESPACE, TemporalDevServer, find_temporal

ROOT = Path(__file__).resolve().parent.parent
"""Where our packages lie; children work there, so that `-m` finds them and nobody else's."""
DATABASE = "onhand"
DEFAULT_TASK_QUEUE = "checkout"


def run_stack(
    state: StateDirectory,
    caller: Mapping[str, str],
    *,
    fresh: bool = False,
    announce: Callable[[Runtime], None],
    report: Callable[[str], None],
) -> None:
    """Run the stack in this process until a stop signal; call it on the main thread.

    `caller` is the environment it was started with. Raises: DevError.
    """
    with PortClaims() as claims:
        run_session(
            state,
            lambda: assemble(make_plan(state, caller, claims)),
            fresh=fresh,
            announce=announce,
            report=report,
        )


def assemble(plan: Plan) -> Stack:
    """Put the steps of the stack in order.

    Raises: MissingProgramError.
    """
    given = plan.given_databases()
    if given is None:
        cluster = open_cluster(plan.state.postgres, port=plan.ports["postgres"])
        urls = database_urls(cluster, DATABASE)
        databases = Databases(urls.application_url, urls.owner_url)
        first: list[Step] = [
            cluster.child(plan.state.log("postgres")),
            lambda: _make_own_database(cluster),
        ]
    else:
        databases = given
        first = [lambda: _upgrade(given.owner_url), lambda: make_locations(given.application_url)]
    return Stack(
        [
            *first,
            _temporal(plan),
            *([] if plan.given_bus() else [_nats(plan)]),
            _payments(plan),
            _worker(plan, databases),
            _relay(plan, databases),
            _projections(plan, databases),
            _api(plan, databases),
        ],
        plan.runtime(databases),
    )


def _make_own_database(cluster: PostgresCluster) -> None:
    urls = create_database(cluster, DATABASE)
    _upgrade(urls.owner_url)
    grant_application(cluster)
    make_locations(urls.application_url)


def _upgrade(owner_url: str) -> None:
    from ledger.migrate import upgrade  # noqa: PLC0415 - only here, so that --status starts quickly

    try:
        upgrade(owner_url)
    except DBAPIError as error:
        message = f"The database cannot be brought up to date: {error.orig}"
        raise DidNotStartError(message) from error


def _temporal(plan: Plan) -> ChildSpec:
    from workflows.search_attributes import (  # noqa: PLC0415 - as above
        SEARCH_ATTRIBUTES,
    )

    server = TemporalDevServer(
        program=find_temporal(),
        directory=plan.state.temporal,
        port=plan.ports["temporal"],
        ui_port=plan.ports["temporal_ui"],
        search_attributes=SEARCH_ATTRIBUTES,
    )
    return server.child(plan.state.log("temporal"))


def _nats(plan: Plan) -> ChildSpec:
    server = NatsServer(
        program=find_nats(),
        directory=plan.state.nats,
        port=plan.ports["nats"],
        monitoring_port=plan.ports["nats_monitoring"],
    )
    return server.child(plan.state.log("nats"))


def _payments(plan: Plan) -> ChildSpec:
    options = {
        "host": HOST,
        "port": str(plan.ports["payments"]),
        "state": str(plan.state.payments),
        "webhook-url": f"{plan.url('api')}/webhooks/stripe",
        "webhook-secret": plan.keys.webhook_secret,
        "api-key": plan.keys.payments_key,
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return _ours(
        plan,
        "payments",
        ["payments.simulator", *flags],
        plan.bare_environment(),
        lambda _started: answers_ok(f"{plan.url('payments')}/healthz"),
    )


def _worker(plan: Plan, databases: Databases) -> ChildSpec:
    task_queue = plan.own("ONHAND_TASK_QUEUE", DEFAULT_TASK_QUEUE)
    return _ours(
        plan,
        "worker",
        ["cli", "worker"],
        plan.worker_environment(databases),
        lambda started: is_polled(plan.temporal_address(), NAMESPACE, task_queue, since=started),
    )


def _relay(plan: Plan, databases: Databases) -> ChildSpec:
    """Needed by nobody who sells: the stack is ready without it."""
    return _ours(plan, "relay", ["cli", "relay"], plan.relay_environment(databases), ready_at_once)


def _projections(plan: Plan, databases: Databases) -> ChildSpec:
    """Needed by nobody who sells, either."""
    environment = plan.projections_environment(databases)
    return _ours(plan, "projections", ["cli", "projections"], environment, ready_at_once)


def _api(plan: Plan, databases: Databases) -> ChildSpec:
    return _ours(
        plan,
        "api",
        ["cli", "api"],
        plan.api_environment(databases),
        lambda _started: answers_ok(f"{plan.url('api')}/readyz"),
    )


def _ours(
    plan: Plan, name: str, module: list[str], environment: Mapping[str, str], ready: Probe
) -> ChildSpec:
    return ChildSpec(
        name=name,
        command=(sys.executable, "-m", *module),
        environment=environment,
        log=plan.state.log(name),
        directory=ROOT,
        ready=ready,
    )
