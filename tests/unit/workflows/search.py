"""A search through everything that can happen to one checkout, breadth first."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ledger.checkouts import PaymentState, ReservationState, Status
from payments.simulator.intents import IntentStatus
from tests.unit.workflows.others import is_reaped, is_voided_behind_our_back, pays, settles
from tests.unit.workflows.small_world import (
    LISTENING,
    Attempt,
    AttemptCut,
    BrokenPromiseError,
    Moment,
    Outcome,
    Tried,
    attempt,
    opening,
)
from workflows.steps import (
    FORWARD_STEPS,
    Asker,
    Began,
    CancelAsked,
    Event,
    GaveUp,
    PaymentHinted,
    Stage,
    Step,
    TimeOver,
)
from workflows.story import Story, decide

MANY_BEATS = 40
LET_GO = (ReservationState.NONE, ReservationState.RELEASED, ReservationState.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A moment of the world and of the story, and how much may still go wrong."""

    now: Moment
    story: Story
    heard: tuple[tuple[str, str], ...] = ()
    """Events that the provider told, by id and kind, brought or not."""
    cards: int = 2
    """How often the customer may still try to pay."""
    troubles: int = 0
    timer: bool = False
    """The interval of the hold runs."""
    slow: Attempt | None = None
    """An attempt that was given up and goes on all the same, some time."""
    strides: bool = True
    """Steps go on to the next at once."""
    kept_word: bool = True
    """False once a customer's cancel came in before anybody had begun to look at a payment."""

    def key(self) -> object:
        """Name what matters of it."""
        now, intent = self.now, self.now.intent
        seen = intent and (
            intent.status,
            intent.captured_minor,
            intent.refunded_minor,
            intent.payment_method,
            intent.decline is not None,
        )
        # A void that is refused is asked for under a new key, again and again: all the same to us.
        told = frozenset((_kind(key), well) for key, ((well, _),) in now.told)
        asked = frozenset((operation.kind, operation.state) for operation in now.operations)
        rows = (now.stock, now.checkout, now.reservation, now.payment, asked)
        slow = self.slow and (self.slow.command, tuple(map(_outcome_key, self.slow.tape)))
        room = (self.heard, self.cards, self.troubles, self.timer, slow, self.kept_word)
        return (
            rows,
            tuple(key for key, _ in now.answers),
            seen,
            told,
            now.applied,
            self.story,
            room,
        )


def _kind(provider_key: str) -> str:
    return provider_key.split(":")[1]


def _outcome_key(outcome: Outcome) -> tuple[bool, str]:
    return outcome[0], str(outcome[1])


@dataclass
class Found:
    """What a search saw."""

    states: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    rare: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[str]] = field(default_factory=dict)
    """The first way to each broken promise."""
    stuck: list[list[str]] = field(default_factory=list)
    """Ways to moments from which nothing leads to an end."""


Turn = tuple[str, Node, bool]
"""What happens, where it leads, and whether it happens by itself sooner or later."""


class Search:
    """One search. `troubles` bounds how much goes wrong on one way; `methods` are the cards tried."""

    def __init__(
        self,
        *,
        troubles: int,
        methods: tuple[str, ...] = ("pm_card_visa",),
        kinds: frozenset[str],
        stock: int = 1,
        payment_attempts: int = 1,
        strides: bool = True,
    ) -> None:
        self.methods = methods
        self.kinds = kinds
        self.found = Found()
        self.first = Node(
            now=opening(stock=stock),
            story=Story(payment_attempts=payment_attempts),
            troubles=troubles,
            strides=strides,
        )

    def run(self) -> Found:
        """Visit every state there is."""
        first = _told(self.first, Began())
        ways: dict[object, tuple[object, str]] = {first.key(): (None, "began")}
        back: defaultdict[object, list[object]] = defaultdict(list)
        ends: list[object] = []
        waiting = deque([first])
        while waiting:
            node = waiting.popleft()
            here = node.key()
            if node.story.closed and node.slow is None:
                ends.append(here)
            for what, turn in self._turns(node):
                try:
                    after, by_itself = turn()
                except BrokenPromiseError as broken:
                    self._broken(str(broken), [*_way(ways, here), what])
                    continue
                except AttemptCut:
                    continue
                if after is None:
                    continue
                there = after.key()
                if by_itself:
                    back[there].append(here)
                if there in ways:
                    continue
                ways[there] = (here, what)
                self._look(after, _way(ways, there))
                waiting.append(after)
        self.found.states = len(ways)
        self._find_stuck(ways, back, ends)
        return self.found

    def _find_stuck(
        self,
        ways: dict[object, tuple[object, str]],
        back: dict[object, list[object]],
        ends: list[object],
    ) -> None:
        alive, waiting = set(ends), deque(ends)
        while waiting:
            for before in back.get(waiting.popleft(), ()):
                if before not in alive:
                    alive.add(before)
                    waiting.append(before)
        self.found.stuck = [_way(ways, key) for key in ways if key not in alive]

    def _broken(self, promise: str, way: list[str]) -> None:
        self.found.broken.setdefault(promise, way)

    # What can happen

    def _turns(self, node: Node) -> Iterator[tuple[str, Callable[[], tuple[Node | None, bool]]]]:
        yield from self._steps(node)
        yield from self._customer(node)
        yield from self._events(node)
        if node.troubles:
            yield from self._troubles(replace(node, troubles=node.troubles - 1))

    def _steps(self, node: Node) -> Iterator[tuple[str, Callable[[], tuple[Node | None, bool]]]]:
        under_way = node.story.under_way
        if under_way is not None:
            yield under_way.step.value, lambda: (_stepped(node), True)
        slow = node.slow
        if slow is not None:
            name = f"slow {slow.command.step.value}"
            yield name, lambda: (_slow(node, slow), True)
        if node.timer and not node.story.time_over and not node.story.closed:
            yield "time over", lambda: (_told(node, TimeOver()), True)

    def _customer(self, node: Node) -> Iterator[tuple[str, Callable[[], tuple[Node | None, bool]]]]:
        if node.cards:
            for method in self.methods:
                yield method, lambda method=method: (_paid(node, method), False)  # type: ignore[misc]
        yield "debit settles", lambda: (_changed(node, settles(node.now, paid=True)), True)
        yield "debit fails", lambda: (_changed(node, settles(node.now, paid=False)), True)

    def _events(self, node: Node) -> Iterator[tuple[str, Callable[[], tuple[Node | None, bool]]]]:
        if node.story.closed or node.now.checkout.status not in LISTENING:
            return
        for event, kind in node.heard:
            if event in node.now.applied:
                continue
            hint = PaymentHinted(event_id=event, kind=kind)
            yield f"hint {kind}", lambda hint=hint: (_told(node, hint), True)  # type: ignore[misc]

    def _troubles(self, node: Node) -> Iterator[tuple[str, Callable[[], tuple[Node | None, bool]]]]:
        closed, under_way = node.story.closed, node.story.under_way
        if "customer" in self.kinds and not closed and not node.story.past_fence:
            yield "customer cancels", lambda: (_cancelled(node), False)
        if "operator" in self.kinds and not closed:
            asked = CancelAsked(by=Asker.OPERATOR)
            yield "operator cancels", lambda: (_told(node, asked), False)
        if "reaper" in self.kinds:
            yield "reaped", lambda: (_reaped(node), False)
        if "console" in self.kinds:
            turn = is_voided_behind_our_back
            yield "voided in the console", lambda: (_changed(node, turn(node.now)), False)
        if under_way is None:
            return
        for beats in range(1, MANY_BEATS):
            try:
                cut = attempt(
                    node.now, Attempt(command=under_way), beats=beats, strides=node.strides
                )
            except (AttemptCut, BrokenPromiseError):
                break
            if "crash" in self.kinds:
                name = f"{under_way.step.value} cut after {beats}"
                yield name, lambda cut=cut: (replace(node, now=cut.now), False)  # type: ignore[misc]
            if "give up" in self.kinds and under_way.step in FORWARD_STEPS:
                name = f"{under_way.step.value} given up after {beats}"
                yield name, lambda cut=cut: (_gave_up(node, cut), False)  # type: ignore[misc]
                name += " for good"
                gone = replace(cut, rest=replace(cut.rest, gone=True)) if cut.rest else cut
                yield name, lambda gone=gone: (_gave_up(node, gone), False)  # type: ignore[misc]

    # What must hold

    def _look(self, node: Node, way: list[str]) -> None:
        now, story = node.now, node.story
        lines = now.reservation.lines if now.reservation else ()
        units = sum(line.quantity for line in lines)
        held = now.held in (ReservationState.HELD, ReservationState.COMMITTING)
        if now.stock.reserved != (units if held else 0):
            self._broken("a pile is not what its reservations say", way)
        self._note(node)
        if not story.closed or node.slow is not None:
            return
        self.found.endings[now.checkout.status.value] += 1
        if now.stock.reserved:
            self._broken("closed with units reserved", way)
        if now.checkout.status is not story.status:
            self._broken("the story tells another end than the ledger", way)
        if not _money_at_rest(now):
            self._broken("closed before the money came to rest", way)
        if now.held is ReservationState.CONFIRMED and not _sold_or_refunded(now):
            self._broken("an order without its money", way)
        if not node.kept_word and now.checkout.status is Status.CONFIRMED:
            self._broken("confirmed though the customer had cancelled in time", way)

    def _note(self, node: Node) -> None:
        story, now = node.story, node.now
        rare = {
            "acceptance given up": story.acceptance_gave_up,
            "compensating": story.compensating,
            "fenced in the ledger, not known to the story": (
                now.held is ReservationState.COMMITTING and story.stage is Stage.AWAITING_PAYMENT
            ),
            "undoing turned into committing": (
                story.stage is Stage.COMMITTING and story.reason is not None
            ),
            "tombstone": now.reservation is not None and not now.reservation.lines,
            "expired before the story knew": (
                now.held is ReservationState.EXPIRED and story.stage is Stage.AWAITING_PAYMENT
            ),
            "captured before the fence": (
                now.held is ReservationState.HELD
                and now.checkout.payment_state is PaymentState.CAPTURED
            ),
            "refund": now.checkout.status is Status.REFUND_PENDING,
            "a capture that failed": any(
                operation.kind == "capture" and operation.state == "failed"
                for operation in now.operations
            ),
            "a debit that failed after the end": (
                now.checkout.status in (Status.CANCELLED, Status.EXPIRED)
                and now.intent is not None
                and now.intent.decline is not None
            ),
            "sold though it was paid late": (
                now.held is ReservationState.CONFIRMED and len(now.reservations) > 1
            ),
            "paid late, and given back": story.closed and story.late and not now.stock.sold,
            "a slow attempt after the end": story.closed and node.slow is not None,
        }
        for name, reached in rare.items():
            self.found.rare[name] += reached


def _money_at_rest(now: Moment) -> bool:
    state = now.checkout.payment_state
    intent = now.intent
    if intent is None:
        return state is PaymentState.NONE
    if intent.status is IntentStatus.CANCELED:
        return state is PaymentState.VOIDED
    if intent.status is not IntentStatus.SUCCEEDED:
        return False
    if intent.refunded_minor == intent.captured_minor:
        return state is PaymentState.REFUNDED
    return state is PaymentState.CAPTURED and now.held is ReservationState.CONFIRMED


def _sold_or_refunded(now: Moment) -> bool:
    state = now.checkout.payment_state
    sold = now.stock.sold == 1 and state is PaymentState.CAPTURED
    return sold or (now.stock.sold == 0 and state is PaymentState.REFUNDED)


def _way(ways: dict[object, tuple[object, str]], key: object) -> list[str]:
    steps: list[str] = []
    while key is not None:
        key, what = ways[key]
        steps.append(what)
    return steps[::-1]


def _told(node: Node, event: Event) -> Node:
    story, _ = decide(node.story, event)
    return replace(node, story=story)


def _stepped(node: Node) -> Node:
    command = node.story.under_way
    assert command is not None
    tried = attempt(node.now, Attempt(command=command), strides=node.strides)
    node = replace(node, now=tried.now)
    if tried.done is None:
        if command.step in FORWARD_STEPS:
            return _told(node, _given_up(command.step))
        return node
    if command.step is Step.RESERVE_STOCK and tried.done.code is None:
        node = replace(node, timer=True)
    return _told(node, tried.done)


def _gave_up(node: Node, cut: Tried) -> Node:
    assert cut.rest is not None
    node = replace(node, now=cut.now, slow=None if cut.rest.gone else cut.rest)
    return _told(node, _given_up(cut.rest.command.step))


def _given_up(step: Step) -> GaveUp:
    return GaveUp(step=step, code="timed-out", asks_too=step is Step.RESERVE_STOCK)


def _slow(node: Node, slow: Attempt) -> Node:
    return replace(node, now=attempt(node.now, slow, strides=node.strides).now, slow=None)


def _paid(node: Node, method: str) -> Node | None:
    return _changed(replace(node, cards=node.cards - 1), pays(node.now, method))


def _changed(node: Node, change: tuple[Moment, tuple[str, ...]] | None) -> Node | None:
    if change is None:
        return None
    now, kinds = change
    heard = list(node.heard)
    for kind in kinds:
        if kind != "payment_intent.processing":
            heard.append((f"evt_{len(heard) + 1}", kind))
    return replace(node, now=now, heard=tuple(heard))


def _reaped(node: Node) -> Node | None:
    now = is_reaped(node.now, node.heard)
    return None if now is None else replace(node, now=now)


def _cancelled(node: Node) -> Node:
    under_way = node.story.under_way
    looking = under_way is not None and under_way.step is Step.ACCEPT_PAYMENT
    # Past the fence, and past an ending, the front door says no by itself.
    fenced = node.now.checkout.status not in LISTENING
    told = _told(node, CancelAsked(by=Asker.CUSTOMER))
    slow = node.slow is not None
    return replace(told, kept_word=node.kept_word and (looking or fenced or slow))
