"""What the model answers: each key once, documents that wait, and the facts that must then be in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ledger import commands
from ledger.commands import (
    Command,
    DocumentCommand,
    Inspect,
    InspectedUnits,
    ReceiveTransfer,
    Reserve,
    Ship,
    ShortPick,
    TakeBack,
)
from ledger.refunds import WHOLE
from tests.simulation.model import goods, money, parcels, sales
from tests.simulation.model.books import PILES, Books, No, Paper, Wait, total

_EXPECTED: dict[type[Command], Callable[[Books, Any], dict[str, Any]]] = {
    commands.Receive: goods.receive,
    commands.Adjust: goods.adjust,
    commands.Research: goods.research,
    commands.Resolve: goods.resolve,
    commands.ChangePause: goods.change_pause,
    commands.SetSafetyStock: goods.set_safety_stock,
    commands.SetFeedBuffer: goods.set_feed_buffer,
    commands.SendTransfer: goods.send,
    commands.ReceiveTransfer: goods.arrive,
    commands.OpenCheckout: sales.open_checkout,
    commands.Reserve: sales.reserve,
    commands.Release: sales.release,
    commands.Expire: sales.expire,
    commands.Fence: sales.fence,
    commands.Confirm: sales.confirm,
    commands.CancelOrder: sales.cancel_order,
    commands.StartPaymentOperation: money.start,
    commands.DoubtCapture: money.doubt,
    commands.FailPaymentOperation: money.fail,
    commands.RecordPayment: money.record,
    commands.StartRefund: money.start_refund,
    commands.RecordRefund: money.record_refund,
    commands.Ship: parcels.ship,
    commands.ShortPick: parcels.short_pick,
    commands.TakeBack: parcels.take_back,
    commands.Inspect: parcels.inspect,
}

_SAYS_WHAT: dict[type[Command], tuple[str, ...]] = {
    commands.Receive: ("receipt_id", "location", "lines"),
    commands.Adjust: ("adjustment_id", "kind", "sku", "location", "quantity"),
    commands.Research: ("research_id", "sku", "location", "quantity", "order_id"),
    commands.Resolve: ("resolution_id", "sku", "location", "quantity", "found"),
    commands.SendTransfer: ("transfer_id", "source", "target", "lines"),
    commands.ReceiveTransfer: ("receipt_id", "transfer_id", "lines"),
    commands.OpenCheckout: ("request_fingerprint",),
    commands.Reserve: ("reservation_id", "lines"),
    commands.Release: ("reservation_id",),
    commands.Expire: ("reservation_id", "extension"),
    commands.Fence: ("reservation_id",),
    commands.Confirm: ("reservation_id",),
    commands.CancelOrder: ("order_id",),
    commands.Ship: ("shipment_id", "order_id", "location", "lines"),
    commands.ShortPick: ("short_id", "order_id", "lines"),
    commands.TakeBack: ("return_id", "order_id", "location", "lines"),
    commands.Inspect: ("inspection_id", "return_id", "lines"),
}
"""What of a command makes it another one under the same key; who, why and when never do."""

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer that is expected: facts of a refusal and parts of a body must be there, more may be."""

    code: str | None = None
    conflict: bool = False
    facts: Facts = field(default_factory=dict)
    says: Facts = field(default_factory=dict)
    waiting: bool = False
    replayed: bool = False

    @property
    def done(self) -> bool:
        """Tell whether something was done."""
        return self.code is None and not self.waiting


class Model:
    """Asked what is asked of the ledger, in the same order."""

    def __init__(self) -> None:
        self.books = Books()
        self.answers: dict[str, tuple[Any, Verdict]] = {}

    def ask(self, command: Command) -> Verdict:
        """Expect an answer, and expect everything after it to know of it."""
        key = command.key
        if key is not None and key in self.answers:
            said, verdict = self.answers[key]
            if said != substance(command):
                return Verdict(code="key-reused", conflict=True)
            return replace(verdict, replayed=True)
        try:
            verdict = Verdict(says=self._decide(command))
        except Wait:
            assert isinstance(command, DocumentCommand)
            self._keep(command, "waiting")
            verdict = Verdict(waiting=True, says={"status": "waiting"})
        except No as no:
            verdict = Verdict(code=no.code, conflict=no.conflict, facts=no.facts)
        for name, sale in self.books.sales.items():
            if sale.status == "refund_pending":
                money = self.books.money[name]
                money.owe(WHOLE, money.captured)
        if key is not None and (verdict.done or isinstance(command, Reserve)):
            self.answers[key] = (substance(command), verdict)
        return verdict

    def refuse_waiting(self, command: DocumentCommand) -> None:
        """Expect a document that had waited to be settled as refused."""
        self.books.papers[command.document_kind, command.document_id].state = "refused"

    def _decide(self, command: Command) -> dict[str, Any]:
        expected = _EXPECTED[type(command)]
        if not isinstance(command, DocumentCommand):
            return expected(self.books, command)
        if isinstance(command, Inspect):
            parcels.found(command)
        if isinstance(command, Ship | TakeBack | ReceiveTransfer):
            total(command.lines)
        if isinstance(command, ShortPick):
            parcels.counted(command)
        paper = self.books.papers.get((command.document_kind, command.document_id))
        if paper and paper.state == "waiting" and substance(paper.command) != substance(command):
            raise No("key-reused", conflict=True)
        says = expected(self.books, command)
        self._keep(command, "applied")
        return says

    def _keep(self, command: DocumentCommand, state: str) -> None:
        paper = Paper(command, state, self.books.step)
        self.books.papers[command.document_kind, command.document_id] = paper

    def due(self, command: DocumentCommand) -> int | None:
        """Say in which step a document's predecessor last changed; None where it is not there."""
        books, name = self.books, command.refers_to
        places: dict[str, Any] = {"inspection": books.returns, "transfer-receipt": books.trips}
        found = places.get(command.document_kind, books.orders).get(name)
        return None if found is None else int(found.changed)

    def facts(self) -> dict[str, Facts]:
        """Say what the database must hold."""
        books = self.books
        return {
            "stock": {
                "/".join(row): [
                    *(shelf.piles[pile] for pile in PILES),
                    *(shelf.safety_stock, shelf.feed_buffer, sorted(shelf.pauses), shelf.entries),
                ]
                for row, shelf in books.shelves.items()
                if shelf.entries
            },
            "checkouts": {
                name: [
                    *(sale.status, books.hold_state(name), books.paid(name)),
                    *(books.orders[name].state if name in books.orders else "none", sale.ordinal),
                ]
                for name, sale in books.sales.items()
            },
            "reservations": {name: [hold.state, 0] for name, hold in books.holds.items()},
            "reservation_lines": {
                "/".join((name, *row)): units
                for name, hold in books.holds.items()
                for row, units in hold.lines.items()
            },
            **self._later_facts(),
            "movements": {"all": sum(shelf.entries for shelf in books.shelves.values())},
            "operations": dict.fromkeys(self.answers, True),
        }

    def _later_facts(self) -> dict[str, Facts]:
        """Facts of money and of documents."""
        books = self.books
        return {
            "payments": {
                name: [paid.state, paid.authorized, paid.captured, paid.refunded]
                for name, paid in books.money.items()
            },
            "refunds": {
                f"{name}/{debt}": amount
                for name, paid in books.money.items()
                for debt, amount in paid.debts.items()
            },
            "payment_operations": {
                f"{name}:{kind}:{[k for k, _ in paid.asked[: n + 1]].count(kind)}": outcome
                for name, paid in books.money.items()
                for n, (kind, outcome) in enumerate(paid.asked)
            },
            "order_lines": {
                "/".join((name, *row)): [line.quantity, line.shipped, line.returned, line.short]
                for name, order in books.orders.items()
                for row, line in order.parcels.items()
            },
            "return_lines": {
                f"{name}/{sku}": [line.quantity, line.restocked, line.damaged, line.refunded]
                for name, back in books.returns.items()
                for sku, line in back.lines.items()
            },
            "transfer_lines": {
                f"{name}/{sku}": [line.quantity, line.received, line.lost]
                for name, trip in books.trips.items()
                for sku, line in trip.lines.items()
            },
            "documents": {
                "/".join(name): [paper.state, paper.command.refers_to]
                for name, paper in books.papers.items()
            },
            "reviews": {name: list(review) for name, review in books.reviews.items()},
            "notes": dict(books.notes),
        }


def substance(command: Command) -> Any:
    """Give what makes a command this one and no other, its lines added up."""
    said: list[Any] = []
    for name in _SAYS_WHAT[type(command)]:
        value = getattr(command, name)
        if name == "lines":
            units: dict[tuple[str, str | None], list[int]] = {}
            for line in value:
                parts = (
                    (line.restock, line.damaged, line.refund)
                    if isinstance(line, InspectedUnits)
                    else (line.quantity, 0, 0)
                )
                row = (line.sku, getattr(line, "location", None))
                so_far = units.setdefault(row, [0, 0, 0])
                units[row] = [a + b for a, b in zip(so_far, parts, strict=True)]
            value = units
        said.append(value)
    return said
