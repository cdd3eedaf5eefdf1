"""A shop's life at random: every wish goes to the ledger and to the model, and both must say and hold the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields, replace
from typing import Any, ClassVar

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ledger import policies
from ledger.commands import Adjust, Command, Release
from ledger.documents.waiting import apply_due
from ledger.errors import KeyConflict, Refused
from ledger.posting import Answer
from ledger.reading.stock import stock_of
from tests.integration.ledger.shop import broken_promises
from tests.simulation.ground import MakeGround
from tests.simulation.model.answers import Model, Verdict
from tests.simulation.model.books import Place
from tests.simulation.model.goods import put_location
from tests.simulation.wishes import goods, parcels, sales, stories
from tests.simulation.wishes.dice import CHECKOUTS, LIMITED, PLACES, SKUS, Dice, dice

Wish = Callable[[Any, Dice, str], Command | None]

PRIORITIES = {"BER1": 10, "HAM1": 20, "MUC1": 20}

WISHES: tuple[Wish, ...] = (
    *(goods.receive, goods.adjust, goods.research, goods.resolve, goods.change_pause),
    *(goods.set_safety_stock, goods.set_feed_buffer, goods.send, goods.arrive),
    *(sales.open_checkout, sales.reserve, sales.release, sales.expire, sales.fence),
    *(sales.confirm, sales.cancel_order, sales.start_payment, sales.fail_payment),
    *(sales.doubt_capture, sales.record_payment),
    *(parcels.short_pick, parcels.ship, parcels.take_back, parcels.inspect),
)

CHAPTERS = (0, 8, 2, 11, 5, 10, 3, 9, 2, 14)
"""How far a story is told: to its hold, its order, or past that."""

TILL: tuple[Wish, ...] = (sales.open_checkout, sales.reserve, sales.reserve, sales.fence)
MONEY: tuple[Wish, ...] = (
    *(sales.start_payment, sales.record_payment, sales.record_payment),
    *(sales.fail_payment, sales.doubt_capture, sales.start_payment),
)
ENDINGS: tuple[Wish, ...] = (sales.release, sales.expire, sales.cancel_order, sales.confirm)

wishes = st.sampled_from(WISHES)


class LedgerMachine(RuleBasedStateMachine):
    """Three skus at three places, two customers, five checkouts, an honest provider, a hasty warehouse."""

    make_ground: ClassVar[MakeGround]
    reached: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.asked: list[Command] = []
        self.bodies: dict[str, Any] = {}
        self.seen: dict[str, Any] = {}
        self.names = 0
        self.sound = True
        self._opened = ExitStack()
        self.ground = self._opened.enter_context(type(self).make_ground())
        for place, priority in PRIORITIES.items():
            self.model.books.places[place] = Place(priority)
            self._put_location(place, priority, enabled=True)
        for sku in SKUS:
            self._put_product(sku, 3 if sku == LIMITED else None)

    def teardown(self) -> None:
        """Whatever the life was like, every promise holds in the end."""
        with self._opened:
            if self.sound:
                self._compare()
                broken = broken_promises(self.ground.database)
                assert broken == {}, broken

    # What may happen

    @initialize(
        throws=st.lists(dice, min_size=3, max_size=5),
        stories=st.lists(st.tuples(st.sampled_from(CHAPTERS), dice), min_size=1, max_size=3),
    )
    def some_goods_and_stories_under_way(
        self, throws: list[Dice], stories: list[tuple[int, Dice]]
    ) -> None:
        """Begin deep enough in some stories that their ends are often reached."""
        for thrown in throws:
            self._ask(goods.receive(self.model.books, thrown, self._name()))
        for checkout, (chapters, thrown) in zip(CHECKOUTS, stories, strict=False):
            self._tell_chapters(checkout, chapters, thrown, together=True)

    @rule(wish=wishes, thrown=dice)
    def somebody_wishes(self, wish: Wish, thrown: Dice) -> None:
        self._ask(wish(self.model.books, thrown, self._name()))

    @rule(wish=st.sampled_from(WISHES[-4:]), thrown=dice)
    def a_parcel_is_told_of(self, wish: Wish, thrown: Dice) -> None:
        self._ask(wish(self.model.books, thrown, self._name()))

    @rule(wish=st.sampled_from(TILL), thrown=dice)
    def the_till_is_busy(self, wish: Wish, thrown: Dice) -> None:
        self._ask(wish(self.model.books, thrown, self._name()))

    @rule(wish=st.sampled_from(MONEY), thrown=dice)
    def money_is_told_of(self, wish: Wish, thrown: Dice) -> None:
        self._ask(wish(self.model.books, thrown, self._name()))

    @rule(wish=st.sampled_from(ENDINGS), thrown=dice)
    def a_sale_ends(self, wish: Wish, thrown: Dice) -> None:
        self._ask(wish(self.model.books, thrown, self._name()))

    @rule(wish=st.sampled_from((goods.arrive, goods.send, goods.arrive)), thrown=dice)
    def a_transfer_goes_on(self, wish: Wish, thrown: Dice) -> None:
        self._ask(wish(self.model.books, thrown, self._name()))

    @rule(wish=st.sampled_from((goods.adjust, goods.research, goods.resolve)), thrown=dice)
    def a_shelf_is_corrected(self, wish: Wish, thrown: Dice) -> None:
        self._ask(wish(self.model.books, thrown, self._name()))

    @rule(story=st.sampled_from(stories.TURNS), thrown=dice)
    def somebody_has_plans(self, story: stories.Story, thrown: Dice) -> None:
        for command in story(self.model.books, thrown, self._name()):
            self._ask(command)

    @rule(story=st.sampled_from(stories.EARLY), thrown=dice)
    def a_document_is_early(self, story: stories.Story, thrown: Dice) -> None:
        """Tell it before its cause, and try it again when that has come."""
        for command in story(self.model.books, thrown, self._name()):
            self._ask(command)
        self._try_what_waits()

    @rule(several=st.lists(st.tuples(wishes, dice), min_size=2, max_size=5), twins=dice)
    def several_wish_at_once(self, several: list[tuple[Wish, Dice]], twins: Dice) -> None:
        """In one transaction, each seeing what the ones before it did; some are told twice in a row."""
        batch: list[tuple[Command, Verdict]] = []
        self._begin()
        for wish, thrown in several:
            command = wish(self.model.books, thrown, self._name())
            if command is None or (command.key and command.key in [c.key for c, _ in batch]):
                continue
            batch.append((command, self.model.ask(command)))
            if command.key and twins.one_in(5):
                batch.append((command, self.model.ask(command)))
        self._post(batch)

    @rule(checkout=st.sampled_from(CHECKOUTS), chapters=st.sampled_from(CHAPTERS[1:]), thrown=dice)
    def a_story_goes_on(self, checkout: str, chapters: int, thrown: Dice) -> None:
        self._tell_chapters(checkout, chapters, thrown, together=thrown.of((True, False)))

    @rule(thrown=dice, differently=st.booleans())
    def somebody_repeats_themselves(self, thrown: Dice, differently: bool) -> None:
        """Tell an earlier command again, perhaps as somebody else; or another input under its key."""
        if differently:
            self._use_an_old_key(thrown)
        elif self.asked:
            command: Any = thrown.of(self.asked[::-1])
            free = {"actor", "reason", "note"} & {field.name for field in fields(command)}
            if command.key and thrown.one_in(2):
                command = replace(command, **dict.fromkeys(free, "somebody else"))
            self._ask(command)

    @rule()
    def waiting_documents_are_tried(self) -> None:
        self._try_what_waits()

    @rule(thrown=dice)
    def the_shop_changes_its_mind(self, thrown: Dice) -> None:
        """Open or close a place, or let it serve sooner or later; set or lift a limit."""
        if thrown.one_in(3):
            self._put_product(thrown.of(SKUS), thrown.of((None, 2, 4, 1)))
            return
        place, priority = thrown.of(PLACES), thrown.of((10, 20, 30))
        closed = not self.model.books.places[place].enabled
        enabled = thrown.of((True, True, False) if closed else (False, True))
        self._begin()
        # A refused document may leave an empty row behind, which is nobody's stock: here alone it shows.
        rows = self.ground.database.rows("SELECT sku, location FROM stock WHERE sequence = 0")
        empty = {(sku, location) for sku, location in rows}
        for row in empty:
            _ = self.model.books.shelves[row]
        put_location(self.model.books, place, priority, enabled=enabled, empty=empty)
        self._put_location(place, priority, enabled=enabled)
        self.reached[f"location {'enabled' if enabled else 'disabled'}"] += 1
        self._compare()

    # Asking and comparing

    def _try_what_waits(self) -> None:
        """Those whose predecessor has come since must be tried, and each must end as the model says."""
        self._begin()
        note("waiting documents are tried")
        model = self.model
        waiting = {
            key: paper for key, paper in model.books.papers.items() if paper.state == "waiting"
        }
        must = {k for k, p in waiting.items() if (model.due(p.command) or -1) >= p.tried}
        tried = self.ground.run(apply_due(self.ground.ledger))
        seen = {(each.kind, each.document_id) for each in tried}
        assert must <= seen <= set(waiting), (must, seen, set(waiting))
        for each in tried:
            command = waiting[each.kind, each.document_id].command
            verdict = model.ask(command)
            expected = "waiting" if verdict.waiting else verdict.code or "applied"
            assert each.outcome == expected, (command, each, verdict)
            if verdict.code:
                model.refuse_waiting(command)
            self.reached[f"{type(command).__name__} that waited: {expected}"] += 1
        self._compare()

    def _use_an_old_key(self, thrown: Dice) -> None:
        known = [command for command in self.asked if command.key and hasattr(command, "lines")]
        if known:
            command: Any = thrown.of(known[::-1])
            if hasattr(command, "request_fingerprint"):
                self._ask(replace(command, request_fingerprint="another body"))
            elif command.lines:
                first = command.lines[0]
                name = "restock" if hasattr(first, "restock") else "quantity"
                more = replace(first, **{name: getattr(first, name) + thrown.of((1, 2))})
                self._ask(replace(command, lines=(more, *command.lines[1:])))

    def _name(self) -> str:
        self.names += 1
        return str(self.names)

    def _begin(self) -> None:
        self.sound = False
        self.model.books.step += 1

    def _ask(self, command: Command | None) -> None:
        if command is not None:
            self._begin()
            self._post([(command, self.model.ask(command))])

    def _tell_chapters(self, checkout: str, chapters: int, thrown: Dice, *, together: bool) -> None:
        batch: list[tuple[Command, Verdict]] = []
        self._begin()
        for _ in range(chapters):
            books = self.model.books
            command = sales.next_chapter(books, checkout, thrown)
            command = command or parcels.next_parcel(books, checkout, thrown, self._name())
            if command is None or (batch and not batch[-1][1].done):
                break
            if not together:
                self._ask(command)
            else:
                batch.append((command, self.model.ask(command)))
        self._post(batch)

    def _post(self, batch: list[tuple[Command, Verdict]]) -> None:
        commands = [command for command, _ in batch]
        note("posted " + ("together:" if len(batch) > 1 else ":"))
        for command, verdict in batch:
            note(f"  {command}\n    expected: {verdict.code or verdict.says}")
        answers = self.ground.run(self.ground.ledger.post_batch(commands))
        if len(batch) > 1:
            self.reached["several at once"] += 1
        for (command, verdict), answer in zip(batch, answers, strict=True):
            self._judge(command, verdict, answer)
        self._compare()
        self.asked += [command for command in commands if command not in self.asked[-30:]]

    def _judge(self, command: Command, verdict: Verdict, answer: Answer) -> None:
        told = f"{command}\nanswered {answer}\nexpected {verdict}"
        name = type(command).__name__
        word = verdict.code or ("waiting" if verdict.waiting else "done")
        self.reached[f"{name}: {'the same again' if verdict.replayed else word}"] += 1
        if verdict.done and isinstance(command, Adjust):
            self.reached[f"kind {command.kind}"] += 1
        if verdict.done and isinstance(command, Release) and command.compensating:
            self.reached["compensated"] += 1
        if verdict.code is not None:
            family = KeyConflict if verdict.conflict else Refused
            assert isinstance(answer.error, family), told
            assert answer.error.code == verdict.code, told
            assert verdict.facts.items() <= dict(answer.error.facts).items(), told
            return
        assert answer.error is None, told
        assert answer.waiting == verdict.waiting, told
        assert verdict.says.items() <= dict(answer.body).items(), told
        if command.key is None or verdict.waiting:
            return
        if verdict.replayed:
            assert answer.replayed, told
            assert answer.body == self.bodies.setdefault(command.key, answer.body), told
        else:
            assert not answer.replayed, told
            self.bodies[command.key] = answer.body

    def _compare(self) -> None:
        """Hold the database to what the model holds, and the ledger to what may be sold."""
        expected, found = self.model.facts(), self.ground.facts()
        assert found == expected, _differences(found, expected)
        for sku in sorted(self._changed(found)):
            rows = self.ground.run(stock_of(self.ground.ledger.engine, sku)) or []
            for row in rows:
                shelf = self.model.books.shelves[sku, row.stock.location]
                held_back = shelf.piles["sellable"] - shelf.available
                assert (row.stock.available, row.stock.held_back) == (shelf.available, held_back)
        self._count_states()
        self.sound = True

    def _changed(self, found: dict[str, Any]) -> set[str]:
        """Name the skus whose rows have changed since the last look."""
        stock, before = found["stock"], self.seen
        self.seen = stock
        return {row.partition("/")[0] for row in stock if stock[row] != before.get(row)}

    def _count_states(self) -> None:
        """Count how often something rare was so."""
        books = self.model.books
        for name, sale in books.sales.items():
            self.reached[f"status {sale.status}"] += 1
            hold = books.holds.get(f"{name}/1")
            if hold and not hold.lines:
                self.reached["tombstone"] += 1
            if hold and len({sku for sku, _ in hold.lines}) < len(hold.lines):
                self.reached["split over places"] += 1
        for order in books.orders.values():
            self.reached[f"order {order.state}"] += 1
            lost = all(parcel.short == parcel.quantity for parcel in order.parcels.values())
            self.reached["nothing of it was found"] += order.cancelled and lost
        self.reached["served anew"] += any(name.endswith("/2") for name in books.holds)
        for back in books.returns.values():
            at = {place for _, place in books.orders[back.order].parcels}
            self.reached["returned elsewhere"] += back.location not in at
        self.reached["shortfall"] += len(books.reviews)

    def _put_location(self, place: str, priority: int, *, enabled: bool) -> None:
        note(f"{place}: priority {priority}, {'enabled' if enabled else 'disabled'}")
        location = policies.Location(
            location=place,
            kind="warehouse",
            seller=None,
            reports="free",
            priority=priority,
            enabled=enabled,
        )
        self.ground.run(policies.put_location(self.ground.ledger.engine, location, "olga"))

    def _put_product(self, sku: str, limit: int | None) -> None:
        note(f"{sku}: at most {limit} a customer")
        self.model.books.limits[sku] = limit
        product = policies.Product(
            sku=sku, title=sku, price_minor=sales.PRICE, currency="EUR", limit_per_customer=limit
        )
        self.ground.run(policies.put_product(self.ground.ledger.engine, product))


def lives(number: int, steps: int) -> settings:
    """Say how many lives of how many steps: thrown anew each time, since varied ones would be too much alike."""
    return settings(
        max_examples=number,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        database=None,
        backend="hypothesis-urandom",
        suppress_health_check=list(HealthCheck),
    )


def live(make_ground: MakeGround, ways: settings) -> Counter[str]:
    """Live so many lives of so many steps, and count what came of each command."""
    reached: Counter[str] = Counter()
    ground = {"make_ground": staticmethod(make_ground), "reached": reached}
    run_state_machine_as_test(type("Life", (LedgerMachine,), ground), settings=ways)
    return +reached


def _differences(found: dict[str, Any], expected: dict[str, Any]) -> str:
    """Say what is not the same, row by row."""
    return "\n".join(
        f"{table} {name}: found {found[table].get(name)}, expected {rows.get(name)}"
        for table, rows in expected.items()
        for name in sorted({*rows, *found[table]})
        if rows.get(name) != found[table].get(name)
    )
