"""The rules of stock, checkouts and money: pure functions from a world and a command to a change or a refusal.

Each function refuses first, in the order its docstring gives; below the line "it must succeed".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger import commands
from ledger.rules import (
    checkouts,
    corrections,
    extensions,
    late_payments,
    orders,
    payments,
    policies,
    refunds,
    reservations,
    short_picks,
    stock,
    transfers,
)
from ledger.world import Change, World

_RULES: dict[type[commands.Command], Callable[[World, Any], Change]] = {
    commands.Receive: stock.receive,
    commands.Adjust: corrections.adjust,
    commands.Research: corrections.research,
    commands.Resolve: corrections.resolve,
    commands.ChangePause: policies.change_pause,
    commands.SetSafetyStock: policies.set_safety_stock,
    commands.SetFeedBuffer: policies.set_feed_buffer,
    commands.OpenCheckout: checkouts.open_checkout,
    commands.Reserve: reservations.reserve,
    commands.Release: reservations.release,
    commands.Expire: reservations.expire,
    commands.Extend: extensions.extend,
    commands.Reacquire: late_payments.reacquire,
    commands.Fence: reservations.fence,
    commands.Confirm: reservations.confirm,
    commands.CancelOrder: orders.cancel_order,
    commands.Ship: orders.ship,
    commands.ShortPick: short_picks.short_pick,
    commands.TakeBack: orders.take_back,
    commands.Inspect: orders.inspect,
    commands.SendTransfer: transfers.send,
    commands.ReceiveTransfer: transfers.arrive,
    commands.StartPaymentOperation: payments.start,
    commands.DoubtCapture: payments.doubt,
    commands.FailPaymentOperation: payments.fail,
    commands.RecordPayment: payments.record,
    commands.StartRefund: refunds.start,
    commands.RecordRefund: refunds.record,
}


def decide(world: World, command: commands.Command) -> Change:
    """Say what a command does to this world, without doing it.

    Raises Refused, with a stable code, where the rules say no.
    """
    return refunds.owing(world, _RULES[type(command)](world, command))
