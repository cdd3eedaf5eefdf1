"""What stories beside a checkout's have in common: steps tried until they are done, and a sign when one is not."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import Message
    from workflows.messages import Trouble
    from workflows.policies import PATIENT
    from workflows.search_attributes import NEEDS_ATTENTION
    from workflows.wording import alarm

Result = TypeVar("Result")


class Troubled:
    """Base of a story that takes one step at a time; `page` is the runbook for whatever has no page of its own."""

    page: str

    def __init__(self) -> None:
        self._under_way: str | None = None
        self._trouble: Trouble | None = None
        self._words = ""

    def tell(self, words: str) -> None:
        """Say in the current details what the story does or waits for."""
        self._words = words
        parts = (alarm(self._trouble, self.page), words) if self._trouble else (words,)
        workflow.set_current_details("\n\n".join(part for part in parts if part))

    async def take(
        self, step: str, asked: Message, result: type[Result], *, summary: str, step_seconds: int
    ) -> Result:
        """Take a step, until it is done."""
        self._under_way = step
        done: Result = await workflow.execute_activity(
            step,
            asked,
            result_type=result,
            summary=summary,
            start_to_close_timeout=timedelta(seconds=step_seconds),
            retry_policy=PATIENT,
        )
        self._under_way = None
        self._show(None)
        return done

    @workflow.update(name="trouble", description="A step has been failing for long")
    def troubled(self, trouble: Trouble) -> None:
        """Show it to operators until the step is done; one that is done is not in trouble any more."""
        if self._under_way == trouble.step:
            self._show(trouble)

    def _show(self, trouble: Trouble | None) -> None:
        before, self._trouble = self._trouble, trouble
        if bool(before) != bool(trouble):
            workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(bool(trouble))])
        if before != trouble:
            self.tell(self._words)
