"""All that the simulated provider knows, in memory and, commit by commit, in its journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payments.simulator.faults import Fault, parse, written
from payments.simulator.idempotency import KEPT_SECONDS, Answer
from payments.simulator.intents import CaptureMethod, Intent, IntentStatus
from payments.simulator.journal import Image, Journal, JournalUnusable
from payments.simulator.payment_methods import Ending
from payments.simulator.refunds import Refund, RefundStatus
from payments.simulator.refusals import Decline, missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event not acknowledged yet; `body` is sent as it stands each time, and after it `more`.

    It may be told only `after_seconds`, or kept that long and `reordered` with others of its payment.
    """

    event_id: str
    created: int
    body: str
    intent_id: str = ""
    more: tuple[str, ...] = ()
    after_seconds: float = 0.0
    reordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What one commit changes. All of it is kept, or none."""

    intent: Intent | None = None
    refund: Refund | None = None
    answer: tuple[str, Answer] | None = None
    notices: tuple[Notice, ...] = ()
    delivered: str | None = None
    faults: tuple[tuple[str, tuple[Fault, ...]], ...] = ()


class Till:
    """The provider's memory. `post` is the only way to change it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._watchers: list[Callable[[Posting], None]] = []
        self._order: list[str] = []
        self._position: dict[str, int] = {}
        self.intents: dict[str, Intent] = {}
        self.refunds: dict[str, Refund] = {}
        self.answers: dict[str, Answer] = {}
        self.undelivered: dict[str, Notice] = {}
        self.faults: dict[str, tuple[Fault, ...]] = {}
        """What is still to go wrong, by payment or checkout."""

    @classmethod
    def open(cls, path: Path, now: int) -> Till:
        """Rebuild the till from its journal, and shorten the journal to what is still of use.

        Raises:
            JournalUnusable: the file is in use, or damaged.

        """
        journal = Journal(path)
        till = cls(journal)
        try:
            for table, name, value in journal.read():
                till._remember(table, name, value)
            journal.rewrite(till._images(since=now - KEPT_SECONDS))
        except (TypeError, KeyError, ValueError) as error:
            journal.close()
            message = f"{path} was written by another version of the simulator"
            raise JournalUnusable(message) from error
        except BaseException:
            journal.close()
            raise
        return till

    def watch(self, watcher: Callable[[Posting], None]) -> None:
        """Tell `watcher` of every posting from now on, once it is kept."""
        self._watchers.append(watcher)

    def post(self, posting: Posting) -> None:
        """Keep a commit in the journal, then in memory.

        Raises:
            OSError: the journal could not be written; nothing changed.

        """
        images = list(_images_of(posting))
        if images:
            self._journal.append(images)
        if posting.intent is not None:
            self._keep_intent(posting.intent)
        if posting.refund is not None:
            self.refunds[posting.refund.refund_id] = posting.refund
        if posting.answer is not None:
            self.answers[posting.answer[0]] = posting.answer[1]
        for notice in posting.notices:
            self.undelivered[notice.event_id] = notice
        if posting.delivered is not None:
            self.undelivered.pop(posting.delivered, None)
        for subject, faults in posting.faults:
            self._keep_faults(subject, faults)
        for watcher in self._watchers:
            watcher(posting)

    def intent(self, intent_id: str, param: str = "intent") -> Intent:
        """Return an intent.

        Raises:
            Refusal: 404, there is none.

        """
        found = self.intents.get(intent_id)
        if found is None:
            noun = "payment_intent"
            raise missing(noun, intent_id[:80], param)
        return found

    def refund(self, refund_id: str) -> Refund:
        """Return a refund.

        Raises:
            Refusal: 404, there is none.

        """
        found = self.refunds.get(refund_id)
        if found is None:
            noun = "refund"
            raise missing(noun, refund_id[:80], noun)
        return found

    def newest_intents(self, starting_after: str | None) -> Iterator[Intent]:
        """Yield intents, newest first, from the one made before `starting_after`.

        Raises:
            Refusal: 404, there is no such intent to start after.

        """
        end = len(self._order)
        if starting_after is not None:
            end = self._position[self.intent(starting_after, "starting_after").intent_id]
        return (self.intents[self._order[at]] for at in range(end - 1, -1, -1))

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def _keep_intent(self, intent: Intent) -> None:
        if intent.intent_id not in self.intents:
            self._position[intent.intent_id] = len(self._order)
            self._order.append(intent.intent_id)
        self.intents[intent.intent_id] = intent

    def _keep_faults(self, subject: str, faults: tuple[Fault, ...]) -> None:
        self.faults[subject] = faults
        if not faults:
            del self.faults[subject]

    def _remember(self, table: str, name: str, value: Any) -> None:
        match table:
            case "intent":
                self._keep_intent(_intent_from(value))
            case "refund":
                self.refunds[name] = _refund_from(value)
            case "answer":
                self.answers[name] = Answer(**value)
            case "faults":
                self._keep_faults(name, parse(value))
            case "notice" if value is None:
                self.undelivered.pop(name, None)
            case _:
                self.undelivered[name] = _notice_from(value)

    def _images(self, since: int) -> Iterator[Image]:
        self.answers = {key: kept for key, kept in self.answers.items() if kept.created >= since}
        yield from (("intent", name, self.intents[name]) for name in self._order)
        yield from (("refund", name, refund) for name, refund in self.refunds.items())
        yield from (("answer", key, answer) for key, answer in self.answers.items())
        yield from (("notice", name, notice) for name, notice in self.undelivered.items())
        yield from (("faults", name, written(faults)) for name, faults in self.faults.items())


def _images_of(posting: Posting) -> Iterator[Image]:
    if posting.intent is not None:
        yield "intent", posting.intent.intent_id, posting.intent
    if posting.refund is not None:
        yield "refund", posting.refund.refund_id, posting.refund
    if posting.answer is not None:
        yield "answer", *posting.answer
    for notice in posting.notices:
        yield "notice", notice.event_id, notice
    if posting.delivered is not None:
        yield "notice", posting.delivered, None
    for subject, faults in posting.faults:
        yield "faults", subject, written(faults)


def _intent_from(value: dict[str, Any]) -> Intent:
    decline = value["decline"]
    return Intent(
        **{
            **value,
            "status": IntentStatus(value["status"]),
            "capture_method": CaptureMethod(value["capture_method"]),
            "decline": None if decline is None else Decline(**decline),
        }
    )


def _notice_from(value: dict[str, Any]) -> Notice:
    return Notice(**{**value, "more": tuple(value.get("more", ()))})


def _refund_from(value: dict[str, Any]) -> Refund:
    awaits = value["awaits"]
    return Refund(
        **{
            **value,
            "status": RefundStatus(value["status"]),
            "awaits": None if awaits is None else Ending(awaits),
        }
    )
