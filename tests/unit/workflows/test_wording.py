"""What operators read of a checkout: every stage and every step says why, until when, and what is next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.checkouts import Status
from workflows.messages import Trouble
from workflows.steps import FORWARD_STEPS, Asker, Command, Stage, Step
from workflows.story import Story
from workflows.wording import ANY_OTHER, RUNBOOKS, UNDER_WAY, details, stage_shown

ROOT = Path(__file__).parents[3]
DEADLINE = datetime(2026, 5, 1, 12, 30, 15, tzinfo=UTC)
WAITING = Story(stage=Stage.AWAITING_PAYMENT, status=Status.AWAITING_PAYMENT)
OVER = Story(stage=Stage.CLOSED, status=Status.EXPIRED, reason="customer")


def told(story: Story, trouble: Trouble | None = None) -> str:
    return details(story, deadline=DEADLINE, trouble=trouble)


@pytest.mark.parametrize("step", Step)
def test_every_step_answers_the_three_questions(step: Step) -> None:
    """Whatever is under way, nobody has to guess."""
    story = replace(WAITING, under_way=Command(step=step))

    lines = told(story).split("\n")

    assert [line.partition(":")[0] for line in lines[-3:]] == ["* Why", "* Until", "* Next"]
    assert all(line.partition(": ")[2] for line in lines[-3:])


@pytest.mark.parametrize("step", Step)
def test_every_step_says_how_long_it_is_tried(step: Step) -> None:
    """As the policies have it: a minute, or for as long as it takes."""
    until = UNDER_WAY[step].until
    assert ("for a minute at most" in until) == (step in FORWARD_STEPS)
    assert ("as long as it takes" in until) == (step not in FORWARD_STEPS)


@pytest.mark.parametrize("stage", set(Stage) - {Stage.CLOSED})
def test_every_open_stage_is_named_and_told(stage: Stage) -> None:
    """Between two steps as well."""
    text = told(replace(WAITING, stage=stage))

    assert text.startswith(f"**{stage.value}")
    assert len(text.split("\n\n")) == 2
    assert stage_shown(replace(WAITING, stage=stage)) == stage.value


@pytest.mark.parametrize("status", Status)
def test_every_end_is_named(status: Status) -> None:
    """As the ledger has it, with the reason."""
    over = replace(OVER, status=status)

    assert told(over) == f"**over: {status.value} (customer)**\n\nNothing is left to do."
    assert stage_shown(over) == status.value


def test_waiting_says_until_when_and_what_happens_then() -> None:
    """To the second, and after which extension."""
    assert "2026-05-01 12:30:15 UTC\n" in told(WAITING)
    assert "2026-05-01 12:30:15 UTC, after extension 2\n" in told(replace(WAITING, extension=2))
    assert "the hold expires" in told(WAITING)


def test_why_it_is_undone_is_told_while_it_is_undone() -> None:
    """The reason is what the checkout's row will say."""
    undoing = replace(
        WAITING,
        stage=Stage.UNDOING,
        reason="payment-declined",
        under_way=Command(step=Step.VOID_PAYMENT),
    )
    assert told(undoing).startswith("**undoing (payment-declined)**")


def test_a_cancel_that_waits_for_the_end_is_told() -> None:
    """Else an operator would press again."""
    committing = replace(
        WAITING,
        stage=Stage.COMMITTING,
        cancel_asked_by=Asker.OPERATOR,
        under_way=Command(step=Step.CONFIRM_ORDER),
    )
    assert "A cancel was asked for (operator)" in told(committing)
    assert "A cancel was asked for" not in told(replace(committing, cancel_asked_by=None))


@pytest.mark.parametrize("code", [*RUNBOOKS, "something-else"])
def test_trouble_comes_first_and_names_a_page_that_exists(code: str) -> None:
    """With the step, since when, and how it failed last."""
    trouble = Trouble(step="void_payment", code=code, since=DEADLINE)

    first = told(WAITING, trouble).split("\n\n")[0]

    page = RUNBOOKS.get(code, ANY_OTHER)
    assert "`void_payment` has been failing since 2026-05-01 12:30:15 UTC" in first
    assert f"`{code}`" in first
    assert first.endswith(f"docs/runbooks/{page}.md.")
    assert (ROOT / "docs" / "runbooks" / f"{page}.md").is_file()
