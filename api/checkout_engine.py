"""The checkout workflows, as requests reach them: started, asked and cancelled, each within a short wait.

Temporal may be away at any time. Nothing is lost then: the checkout's row is the promise, and whoever
asked is told that the answer is not there yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from enum import Enum, auto
from typing import Any

import structlog
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import Message
from workflows.checkout import CheckoutWorkflow
from workflows.messages import (
    CancelAnswer,
    CancelRequest,
    CheckoutStart,
    ExtendAnswer,
    ExtendRequest,
)
from workflows.search_attributes import SEARCH_ATTRIBUTES
from workflows.starting import (
    CANCEL_UPDATE_ID,
    DECISION_UPDATE_ID,
    checkout_workflow_id,
    recovery_workflow_id,
    start_operation,
)

RECONNECT_SECONDS = 1.0
READY_SECONDS = 2

log = structlog.get_logger()


class EngineAway(Exception):
    """Temporal did not answer in time; what was asked may happen all the same."""


class Asked(Enum):
    """How it went to wait for a decision; what was decided stands in the checkout's row."""

    ANSWERED = auto()
    NOT_YET = auto()


class CheckoutEngine:
    """Talks to the checkout workflows; a client is connected in the background, and until then it is away."""

    def __init__(
        self, connect: Callable[[], Awaitable[Client]], *, task_queue: str, wait_seconds: float
    ) -> None:
        self._connect = connect
        self._task_queue = task_queue
        self._wait = timedelta(seconds=wait_seconds)
        self._client: Client | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep trying to connect while the block runs; once connected, the client looks after itself."""
        connecting = asyncio.create_task(self._connect_patiently())
        try:
            yield
        finally:
            connecting.cancel()
            with suppress(asyncio.CancelledError):
                await connecting

    async def decide(self, start: CheckoutStart) -> Asked:
        """Start the checkout's workflow where it does not run, and wait for its decision."""
        if self._client is None:
            return Asked.NOT_YET
        operation = start_operation(start, self._task_queue)
        try:
            _ = await self._client.execute_update_with_start_workflow(
                CheckoutWorkflow.decision,
                start_workflow_operation=operation,
                id=DECISION_UPDATE_ID,
                rpc_timeout=self._wait,
            )
        except (WorkflowAlreadyStartedError, WorkflowUpdateFailedError):
            # It has ended; the row says how.
            await _consume(operation)
            return Asked.ANSWERED
        except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as error:
            await _consume(operation)
            log.warning(
                "decision_not_yet", checkout_id=start.checkout_id, error=type(error).__name__
            )
            return Asked.NOT_YET
        return Asked.ANSWERED

    async def cancel(self, checkout_id: str) -> CancelAnswer | None:
        """Cancel for the customer; None where the workflow would not, or is not there (any more).

        Raises EngineAway.
        """
        return await self._cancel(checkout_id, CancelRequest(), CANCEL_UPDATE_ID)

    async def supersede(self, older: str, newer: str) -> CancelAnswer | None:
        """Cancel the older checkout of a cart, and wait until nothing can be charged for it any more.

        None as for `cancel`. Raises EngineAway.
        """
        request = CancelRequest(wait_until_closed=True)
        return await self._cancel(older, request, f"supersede/{newer}")

    async def extend(self, checkout_id: str, request: ExtendRequest) -> ExtendAnswer | None:
        """Let the hold last longer; None as for `cancel`. Raises EngineAway.

        Each call is a question of its own: the ledger tells repetitions apart, by what they ask.
        """
        answer: ExtendAnswer | None = await self._update(
            checkout_id, CheckoutWorkflow.extend, request, None
        )
        return answer

    async def see_to(self, begin: Callable[[Client, str], Awaitable[None]]) -> None:
        """Start a story after the sale. What it is for stands in the ledger, and the loop starts it otherwise."""
        if self._client is None:
            return
        try:
            await begin(self._client, self._task_queue)
        except RPCError as error:
            log.warning("story_not_started_yet", error=type(error).__name__)

    async def missing(self) -> list[str]:
        """Name what this engine lacks to be of use: itself, or search attributes. Empty is ready."""
        if self._client is None:
            return ["temporal"]
        question = ListSearchAttributesRequest(namespace=self._client.namespace)
        try:
            known = await self._client.operator_service.list_search_attributes(
                question, timeout=timedelta(seconds=READY_SECONDS)
            )
        except RPCError:
            return ["temporal"]
        return [
            f"search attribute {name}"
            for name in SEARCH_ATTRIBUTES
            if name not in known.custom_attributes
        ]

    async def _cancel(
        self, checkout_id: str, request: CancelRequest, update_id: str
    ) -> CancelAnswer | None:
        answer: CancelAnswer | None = await self._update(
            checkout_id, CheckoutWorkflow.cancel, request, update_id
        )
        return answer

    async def _update(
        self, checkout_id: str, update: Any, request: Message, update_id: str | None
    ) -> Any:
        if self._client is None:
            raise EngineAway
        own = checkout_workflow_id(checkout_id)
        answer = await self._updated(own, update, request, update_id)
        if answer is not None:
            return answer
        recovering = recovery_workflow_id(checkout_id)
        return await self._updated(recovering, update, request, update_id)

    async def _updated(
        self, workflow_id: str, update: Any, request: Message, update_id: str | None
    ) -> Any:
        assert self._client is not None
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            return await handle.execute_update(
                update, request, id=update_id, rpc_timeout=self._wait
            )
        except WorkflowUpdateFailedError:
            return None
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise EngineAway from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise EngineAway from error

    async def _connect_patiently(self) -> None:
        while self._client is None:
            try:
                self._client = await self._connect()
            except (RuntimeError, RPCError, OSError) as error:
                log.warning("temporal_away", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)


async def _consume(operation: WithStartWorkflowOperation[CheckoutWorkflow, str]) -> None:
    """Look at the start's own outcome, which Python would otherwise call an error nobody retrieved."""
    with suppress(
        WorkflowAlreadyStartedError,
        RPCError,
        TimeoutError,
        WorkflowUpdateRPCTimeoutOrCancelledError,
    ):
        await asyncio.wait_for(operation.workflow_handle(), 1)
