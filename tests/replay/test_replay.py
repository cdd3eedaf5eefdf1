"""Checkouts that began under older code must be told to their end by this one."""

from __future__ import annotations

import base64
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import NondeterminismError

from ledger.checkouts import Status
from tests.replay.changed_stories import GreetingCheckout, PatientCheckout, SilentCheckout
from tests.replay.record import ENDINGS, HISTORIES, anonymous
from worker.main import PASSED_THROUGH
from workflows.checkout import CheckoutWorkflow

FILES = sorted(HISTORIES.glob("*.json"))
NOT_AN_END = {Status.RESERVING, Status.AWAITING_PAYMENT, Status.COMMITTING, Status.REFUND_PENDING}
NOT_YET = {Status.NEEDS_REVIEW}
TELLTALES = re.compile(r"\d+@|site-packages|\.py\b|/home/|/root/|/tmp/|/Users/")


def history(file: Path) -> WorkflowHistory:
    told = json.loads(file.read_text())
    return WorkflowHistory.from_json(told["workflow_id"], told["history"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_every_recorded_checkout_is_told_the_same_today(file: Path) -> None:
    """With the sandbox and the converter of the worker."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    replayer = Replayer(
        workflows=[CheckoutWorkflow],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        data_converter=pydantic_data_converter,
    )

    await replayer.replay_workflow(history(file))


@pytest.mark.parametrize("changed", [GreetingCheckout, PatientCheckout, SilentCheckout])
async def test_a_story_that_was_changed_is_refused(changed: type[CheckoutWorkflow]) -> None:
    """Else the test above would prove nothing."""
    replayer = Replayer(
        workflows=[changed],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=pydantic_data_converter,
    )

    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history(HISTORIES / "confirmed.json"))


def test_every_ending_is_among_them() -> None:
    """A new ending needs a history of its own."""
    recorded = {file.stem for file in FILES}
    ends = {Status(_status(json.loads(file.read_text())["history"])) for file in FILES}

    assert recorded == {ending.__name__ for ending in ENDINGS}
    assert ends == set(Status) - NOT_AN_END - NOT_YET


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_history_tells_nothing_of_who_recorded_it(file: Path) -> None:
    """No host, no process, no path: only ids and what went in and out."""
    text = file.read_text()

    assert not TELLTALES.search(text)
    assert socket.gethostname() not in re.findall(r"[\w.-]+", text)
    assert anonymous(json.loads(text)) == json.loads(text)


def _status(told: Any) -> str:
    """Read the last stage that was shown: `CheckoutStage` is the status once a checkout is closed."""
    shown = re.findall(r'"CheckoutStage": \{"data": "(\w+=*)"', json.dumps(told, sort_keys=True))
    return _decoded(shown[-1])


def _decoded(data: str) -> str:
    status: str = json.loads(base64.b64decode(data))
    return status
