"""Checkouts, and what came after them, that began under older code must be told to their end by this one."""

from __future__ import annotations

import base64
import json
import pkgutil
import re
import socket
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import NondeterminismError

import workflows
from activities.tracing import Tracing
from ledger.checkouts import Status
from tests.replay.changed_stories import (
    ForgetfulRecovery,
    GreedyLatePayment,
    GreetingCheckout,
    PatientCheckout,
    SilentCheckout,
    UnaskedRefunds,
    UnaskedReturn,
    UnpatchedCheckout,
)
from tests.replay.endings import ENDINGS
from tests.replay.other_endings import OTHER_ENDINGS, OtherEnding
from tests.replay.record import HISTORIES, anonymous
from worker.main import PASSED_THROUGH

FILES = sorted(HISTORIES.glob("*/*.json"))
NEWEST = max(HISTORIES.iterdir(), key=lambda folder: int(folder.name.partition("_")[0]))
EACH_FILE = pytest.mark.parametrize(
    "file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}"
)

SEPARATE_STEPS = HISTORIES / "1_separate_steps"
STRIDES = HISTORIES / "2_strides"
EVERY_STORY = HISTORIES / "3_every_story"
MARKER = "reserve-asks-for-payment"
BEFORE_ANYTHING_TO_PAY = "cancelled_before_there_was_anything_to_pay.json"
EVENTS_OF_A_PAID_CHECKOUT = 30
"""The contract's goal; a history is what the engine writes and every replay reads."""


def every_story() -> dict[str, type[Any]]:
    """Find every workflow there is, by its name."""
    modules = [
        import_module(f"workflows.{module.name}")
        for module in pkgutil.iter_modules(workflows.__path__)
    ]
    found = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    defined = [(workflow._Definition.from_class(kind), kind) for kind in found]
    return {str(definition.name): kind for definition, kind in defined if definition is not None}


STORIES = every_story()
NOT_AN_END = {Status.RESERVING, Status.AWAITING_PAYMENT, Status.COMMITTING, Status.REFUND_PENDING}
NOT_YET = {Status.NEEDS_REVIEW}
TELLTALES = re.compile(r"\d+@|site-packages|\.py\b|/home/|/root/|/tmp/|/Users/")


def history(file: Path) -> WorkflowHistory:
    told = json.loads(file.read_text())
    return WorkflowHistory.from_json(told["workflow_id"], told["history"])


@EACH_FILE
async def test_every_recorded_story_is_told_the_same_today(file: Path) -> None:
    """With the sandbox, the converter and the tracing of the worker."""
    await todays_replayer().replay_workflow(history(file))


def todays_replayer() -> Replayer:
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return Replayer(
        workflows=list(STORIES.values()),
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        data_converter=pydantic_data_converter,
        interceptors=[Tracing()],
    )


def changed_replayer(changed: type[Any]) -> Replayer:
    return Replayer(
        workflows=[changed],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=pydantic_data_converter,
    )


@pytest.mark.parametrize(
    ("changed", "ending"),
    [
        (GreetingCheckout, "confirmed"),
        (PatientCheckout, "confirmed"),
        (SilentCheckout, "confirmed"),
        (ForgetfulRecovery, "recovered_past_the_fence"),
        (GreedyLatePayment, "late_and_sold"),
        (GreedyLatePayment, "stray_and_voided"),
        (UnaskedRefunds, "refunded"),
        (UnaskedReturn, "returned_in_two_parts"),
    ],
)
async def test_a_story_that_was_changed_is_refused(changed: type[Any], ending: str) -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(NondeterminismError):
        await changed_replayer(changed).replay_workflow(history(EVERY_STORY / f"{ending}.json"))


async def test_a_patched_story_tells_both_the_old_course_and_the_new_one() -> None:
    """One checkout, cancelled while its stock was reserved: only the newer one may have asked for money."""
    old, new = SEPARATE_STEPS / BEFORE_ANYTHING_TO_PAY, STRIDES / BEFORE_ANYTHING_TO_PAY

    assert MARKER not in patches(old)
    assert MARKER in patches(new)
    assert "void_payment" not in steps(old)
    assert "void_payment" in steps(new)
    await todays_replayer().replay_workflow(history(old))
    await todays_replayer().replay_workflow(history(new))


@pytest.mark.parametrize("folder", [SEPARATE_STEPS, STRIDES], ids=lambda folder: folder.name)
async def test_without_its_patch_the_story_tells_neither(folder: Path) -> None:
    """The old one never voided; the new one has a marker that nobody asks for any more."""
    with pytest.raises(NondeterminismError):
        await changed_replayer(UnpatchedCheckout).replay_workflow(
            history(folder / BEFORE_ANYTHING_TO_PAY)
        )


def test_a_paid_checkout_costs_no_more_events_than_it_may() -> None:
    """Counted in the newest one: whoever adds an event names its reader, or takes another one away."""
    told = json.loads((NEWEST / "confirmed.json").read_text())

    assert len(told["history"]["events"]) <= EVENTS_OF_A_PAID_CHECKOUT


def test_every_ending_is_among_the_newest() -> None:
    """A new ending needs a history of its own."""
    recorded = {file.stem for file in FILES if file.parent == NEWEST}
    checkouts = [json.loads((NEWEST / f"{ending.__name__}.json").read_text()) for ending in ENDINGS]
    ends = {Status(_status(told["history"])) for told in checkouts}

    assert recorded == {ending.__name__ for ending in (*ENDINGS, *OTHER_ENDINGS)}
    assert ends == set(Status) - NOT_AN_END - NOT_YET


@pytest.mark.parametrize("ending", OTHER_ENDINGS, ids=lambda ending: ending.__name__)
def test_every_other_story_was_recorded_to_its_end(ending: OtherEnding) -> None:
    """What it answered is in its last event."""
    told = json.loads((NEWEST / f"{ending.__name__}.json").read_text())
    last = told["history"]["events"][-1]
    (answer,) = last["workflowExecutionCompletedEventAttributes"]["result"]["payloads"]

    assert _decoded(answer["data"]) == OTHER_ENDINGS[ending]


def test_every_story_has_a_history() -> None:
    """Of a new one nobody would see that it was changed."""
    begun = {_story(json.loads(file.read_text())["history"]) for file in FILES}

    assert begun == set(STORIES)


@EACH_FILE
def test_a_history_tells_nothing_of_who_recorded_it(file: Path) -> None:
    """No host, no process, no path: only ids and what went in and out."""
    text = file.read_text()

    assert not TELLTALES.search(text)
    assert socket.gethostname() not in re.findall(r"[\w.-]+", text)
    assert anonymous(json.loads(text)) == json.loads(text)


def patches(file: Path) -> set[str]:
    """Name the patches that left a marker."""
    known = re.findall(
        r'"patch-data": \{\s*"payloads": \[\s*\{\s*"data": "(\w+=*)"', file.read_text()
    )
    return {json.loads(base64.b64decode(each))["id"] for each in known}


def steps(file: Path) -> set[str]:
    """Name the steps that were carried out."""
    events = json.loads(file.read_text())["history"]["events"]
    scheduled = (event.get("activityTaskScheduledEventAttributes") for event in events)
    return {each["activityType"]["name"] for each in scheduled if each}


def _status(told: Any) -> str:
    """Read the last stage that was shown: `CheckoutStage` is the status once a checkout is closed."""
    shown = re.findall(r'"CheckoutStage": \{"data": "(\w+=*)"', json.dumps(told, sort_keys=True))
    return _decoded(shown[-1])


def _story(told: Any) -> str:
    """Read the name of the workflow that was begun."""
    begun = told["events"][0]["workflowExecutionStartedEventAttributes"]
    return str(begun["workflowType"]["name"])


def _decoded(data: str) -> str:
    status: str = json.loads(base64.b64decode(data))
    return status
