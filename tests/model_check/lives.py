"""One checkout's life in the small world: where it stands, and everything that can happen to it next.

What a checkout has in common with another is the shelf alone, so its turns depend on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ledger.checkouts import ReservationState
from ledger.errors import Refused
from tests.model_check.attempts import Attempt, Told, Tried, further
from tests.model_check.effects import BrokenPromiseError, Outcome
from tests.model_check.others import is_reaped, is_voided_behind_our_back, pays, settles
from tests.model_check.small_world import (
    BASKET,
    LISTENING,
    Moment,
    Shelf,
    opening,
)
from tests.model_check.standing import standing_of
from workflows import resuming
from workflows.steps import (
    FORWARD_STEPS,
    Asker,
    Began,
    CancelAsked,
    Event,
    ExtendAsked,
    GaveUp,
    PaymentHinted,
    Stage,
    Step,
    TimeOver,
)
from workflows.story import Story, decide

VISA, DECLINED, DEBIT = "pm_card_visa", "pm_card_chargeDeclined", "pm_usBankAccount_success"

PEOPLE = frozenset({"customer", "operator", "reaper", "console", "bank"})
LOST = "lost"
"""The workflow itself: terminated, or gone with its engine."""
MACHINES = frozenset({"crash", "give up", "time out", "no answer", "lost webhook"})
EVERYTHING = PEOPLE | MACHINES


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may happen in a search: the cards tried, and the kinds of trouble."""

    methods: tuple[str, ...] = (VISA,)
    kinds: frozenset[str] = EVERYTHING
    strides: bool = True
    """Steps go on to the next at once."""
    cart: bool = False
    """The checkouts are of one cart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Where one checkout stands: in the world and in its story."""

    now: Moment
    story: Story
    heard: tuple[tuple[str, str], ...] = ()
    """Events that the provider told, by id and kind, brought or not."""
    cards: int = 2
    """How often the customer may still try to pay."""
    extensions: int = 0
    """How often the customer may still ask for more time."""
    timer: bool = False
    """The interval of the hold runs."""
    tape: tuple[Outcome, ...] = ()
    """What the attempt under way has seen so far."""
    slow: Attempt | None = None
    """An attempt that nobody waits for any more and goes on all the same, some time."""
    kept_word: bool = True
    """False once a customer's cancel came in before anybody had begun to look at a payment."""

    @property
    def over(self) -> bool:
        """True where nothing of it goes on."""
        return self.story.closed and self.slow is None

    def key(self) -> object:
        """Name what matters of it."""
        room = (self.heard, self.cards, self.extensions, self.timer, self.tape, self.slow)
        return (self.now.key, self.story, room, self.kept_word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Something that can happen, and where it leads."""

    what: str
    life: Life
    common: Shelf
    by_itself: bool = True
    """It happens sooner or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Something that can happen, and which promise it breaks at that very moment."""

    what: str
    promise: str


_Kind = Callable[[Life, Shelf], Iterator[Turn]]


@dataclass
class Turns:
    """Everything that can happen to a life, under these bounds."""

    bounds: Bounds
    tries: dict[object, Tried] = field(default_factory=dict)

    def of(self, life: Life, common: Shelf, *, troubles: bool) -> Iterator[Turn | Breach]:
        """Give what can happen next: of itself and by the customer's wish, or by trouble."""
        if life.now.checkout is None:
            kinds: tuple[_Kind, ...] = () if troubles else (self._beginning,)
        elif troubles:
            kinds = (
                *(self._interrupted, self._reaped, self._misfortunes, self._hitches),
                self._lost,
            )
        else:
            kinds = (self._steps, self._told, self._customer)
        for kind in kinds:
            try:
                yield from kind(life, common)
            except BrokenPromiseError as broken:
                under_way = life.story.under_way
                yield Breach(what=str(under_way.step if under_way else kind), promise=str(broken))

    # Its own steps

    def _beginning(self, life: Life, common: Shelf) -> Iterator[Turn]:
        try:
            now, common = opening(cart=BASKET if self.bounds.cart else None, common=common)
        except Refused:
            return
        yield Turn(what="opened", life=hearing(replace(life, now=now), Began()), common=common)

    def _steps(self, life: Life, common: Shelf) -> Iterator[Turn]:
        command, slow = life.story.under_way, life.slow
        if command is not None:
            tried = self._tried(life.now, common, Attempt(command=command, tape=life.tape))
            yield from _went_on(life, tried, command.step)
        if slow is not None:
            tried = self._tried(life.now, common, slow)
            after = replace(life, now=tried.now, slow=tried.rest)
            if life.story.closed and LOST in self.bounds.kinds:
                # The next round of the net looks at the rows once more.
                after = found_again(after)
            yield Turn(what=f"slow {slow.command.step}", life=after, common=tried.common)

    def _tried(
        self, now: Moment, common: Shelf, begun: Attempt, told: Told = Told.OUTCOME
    ) -> Tried:
        key = (now.key, common, begun, told)
        if key not in self.tries:
            strides = self.bounds.strides
            self.tries[key] = further(now, common, begun, strides=strides, told=told)
        return self.tries[key]

    # Events

    def _told(self, life: Life, common: Shelf) -> Iterator[Turn]:
        if life.timer and not life.story.time_over and not life.story.closed:
            yield Turn(what="time over", life=hearing(life, TimeOver()), common=common)
        if life.story.closed or life.now.status not in LISTENING:
            return
        for event, kind in life.heard:
            hint = PaymentHinted(event_id=event, kind=kind)
            yield Turn(what=f"hint {kind}", life=hearing(life, hint), common=common)

    def _customer(self, life: Life, common: Shelf) -> Iterator[Turn]:
        if life.cards:
            poorer = replace(life, cards=life.cards - 1)
            for method in self.bounds.methods:
                after = _changed(poorer, pays(life.now, method))
                yield from _perhaps(method, after, common, by_itself=False)
        yield from _perhaps("debit settles", _changed(life, settles(life.now, paid=True)), common)
        yield from _perhaps("debit fails", _changed(life, settles(life.now, paid=False)), common)
        if life.extensions and life.story.stage in (Stage.RESERVING, Stage.AWAITING_PAYMENT):
            newest = life.now.reservation
            asked = ExtendAsked(extension=newest.extension + 1 if newest else 1, seconds=300)
            after = hearing(replace(life, extensions=life.extensions - 1), asked)
            yield Turn(what="more time asked", life=after, common=common, by_itself=False)

    def _interrupted(self, life: Life, common: Shelf) -> Iterator[Turn]:
        closed, kinds = life.story.closed, self.bounds.kinds
        if "customer" in kinds and not closed and not life.story.past_fence:
            yield _trouble("customer cancels", _cancelled(life), common)
        if "operator" in kinds and not closed:
            after = hearing(life, CancelAsked(by=Asker.OPERATOR))
            yield _trouble("operator cancels", after, common)

    def _reaped(self, life: Life, common: Shelf) -> Iterator[Turn]:
        if "reaper" not in self.bounds.kinds:
            return
        for much_later in (False, True):
            after = is_reaped(life.now, common, life.heard, much_later=much_later)
            if after is not None:
                name = "reaped much later" if much_later else "reaped"
                yield _trouble(name, replace(life, now=after[0]), after[1])
                return

    def _misfortunes(self, life: Life, common: Shelf) -> Iterator[Turn]:
        kinds = self.bounds.kinds
        if "console" in kinds:
            after = _changed(life, is_voided_behind_our_back(life.now))
            if after is not None:
                yield _trouble("voided in the console", after, common)
        if "bank" in kinds and not life.now.refuses_capture:
            now = replace(life.now, refuses_capture=True)
            yield _trouble("the bank will refuse", replace(life, now=now), common)
        if "lost webhook" in kinds:
            for event in life.heard:
                if event[0] not in life.now.applied | life.story.seen_events:
                    left = tuple(other for other in life.heard if other != event)
                    yield _trouble(f"{event[1]} lost", replace(life, heard=left), common)

    def _lost(self, life: Life, common: Shelf) -> Iterator[Turn]:
        """Lose the workflow, with the step under way going on beside its recovery or not."""
        if LOST not in self.bounds.kinds or life.story.closed:
            return
        yield _trouble("lost", found_again(replace(life, tape=())), common)
        command = life.story.under_way
        if command is not None and life.slow is None and life.tape:
            slow = Attempt(command=command, tape=life.tape)
            gone = replace(life, tape=(), slow=slow)
            yield _trouble(f"lost in {command.step}, which goes on", found_again(gone), common)

    # What can go wrong with a step

    def _hitches(self, life: Life, common: Shelf) -> Iterator[Turn]:
        command, kinds = life.story.under_way, self.bounds.kinds
        if command is None:
            return
        step, begun = command.step, Attempt(command=command, tape=life.tape)
        again = replace(life, tape=())
        if "crash" in kinds and life.tape:
            yield _trouble(f"{step} cut off", again, common)
        if "time out" in kinds and life.slow is None:
            yield _trouble(f"{step} tried again beside it", replace(again, slow=begun), common)
        if "give up" in kinds and step in FORWARD_STEPS:
            gave_up = hearing(again, given_up(step))
            yield _trouble(f"{step} given up for good", gave_up, common)
            if life.slow is None:
                yield _trouble(f"{step} given up", replace(gave_up, slow=begun), common)
        if "no answer" in kinds:
            for told in (Told.NOTHING_WAS_DONE, Told.NOTHING_BUT_DONE):
                tried = self._tried(life.now, common, begun, told)
                if tried.rest is not None:
                    after = replace(life, now=tried.now, tape=tried.rest.tape)
                    yield _trouble(f"{step} {told}", after, tried.common)


def hearing(life: Life, event: Event) -> Life:
    """Fold an event into the story."""
    story, _ = decide(life.story, event)
    return replace(life, story=story)


def found_again(life: Life) -> Life:
    """Go on from the rows alone, as the net does that finds a checkout without a workflow."""
    rows = standing_of(life.now, life.heard)
    story = resuming.resumed(rows, payment_attempts=life.story.payment_attempts)
    held = life.now.held is ReservationState.HELD
    # A cancel that was not answered is lost with the workflow: nobody was promised anything.
    return hearing(replace(life, story=story, timer=held, kept_word=True), Began())


def given_up(step: Step) -> GaveUp:
    """Say that a step did not get through in its time."""
    return GaveUp(step=step, code="timed-out", asks_too=step is Step.RESERVE_STOCK)


def _went_on(life: Life, tried: Tried, step: Step) -> Iterator[Turn]:
    """Go on, or tell the story how the attempt ended; one that failed is tried again, or given up."""
    life = replace(life, now=tried.now, tape=tried.rest.tape if tried.rest else ())
    if tried.rest is not None:
        name = f"{step} effect {len(life.tape)}"
        yield Turn(what=name, life=life, common=tried.common)
    elif tried.done is None:
        yield Turn(what=f"{step} fails", life=life, common=tried.common)
        if step in FORWARD_STEPS:
            gave_up = hearing(life, given_up(step))
            yield Turn(what=f"{step} fails for good", life=gave_up, common=tried.common)
    else:
        if step is Step.RESERVE_STOCK and tried.done.code is None:
            life = replace(life, timer=True)
        yield Turn(what=f"{step} done", life=hearing(life, tried.done), common=tried.common)


def _trouble(what: str, life: Life, common: Shelf) -> Turn:
    return Turn(what=what, life=life, common=common, by_itself=False)


def _perhaps(
    what: str, life: Life | None, common: Shelf, *, by_itself: bool = True
) -> Iterator[Turn]:
    if life is not None:
        yield Turn(what=what, life=life, common=common, by_itself=by_itself)


def _changed(life: Life, change: tuple[Moment, tuple[str, ...]] | None) -> Life | None:
    if change is None:
        return None
    now, kinds = change
    heard = list(life.heard)
    for kind in kinds:
        if kind != "payment_intent.processing":
            heard.append((f"evt_{life.cards}_{len(heard) + 1}", kind))
    return replace(life, now=now, heard=tuple(heard))


def _cancelled(life: Life) -> Life:
    under_way = life.story.under_way
    looking = under_way is not None and under_way.step is Step.ACCEPT_PAYMENT
    # Past the fence, and past an ending, the front door says no by itself.
    fenced = life.now.status not in LISTENING
    after = hearing(life, CancelAsked(by=Asker.CUSTOMER))
    slow = life.slow is not None
    return replace(after, kept_word=life.kept_word and (looking or fenced or slow))
