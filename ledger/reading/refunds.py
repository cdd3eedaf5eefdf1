"""What is owed to customers, as steps ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import ids
from ledger.refunds import RefundState
from ledger.transactions import rows_of

_OPEN = text("""
SELECT refund_id FROM refund WHERE checkout_id = :checkout_id AND state <> 'done' ORDER BY owed_at, refund_id
""")

_ONE = text("""
SELECT state, amount_minor FROM refund WHERE checkout_id = :checkout_id AND refund_id = :refund_id
""")

_PAID = text("""
SELECT r.refund_id, r.provider_refund,
       (SELECT json_agg(o.key) FROM payment_operation o
        WHERE o.checkout_id = r.checkout_id AND o.kind = 'refund' AND o.state = 'succeeded') AS keys
FROM refund r
WHERE r.checkout_id = :checkout_id AND r.state = 'done' AND r.provider_refund IS NOT NULL
ORDER BY r.refund_id
""")

_OF_RETURN = text("""
SELECT r.order_id,
       (SELECT sum(quantity - restocked - damaged) FROM return_line l WHERE l.return_id = r.return_id)
         AS to_inspect,
       (SELECT json_agg(d.refund_id ORDER BY d.owed_at, d.refund_id)
        FROM refund d
        WHERE d.checkout_id = r.order_id AND d.state <> 'done'
          AND d.refund_id IN (SELECT 'inspection-' || i.inspection_id
                              FROM inspection_line i WHERE i.return_id = r.return_id)) AS refunds
FROM returns r
WHERE r.return_id = :return_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidRefund:
    """A debt that was paid, by the provider's name for it and the key it was asked with."""

    refund_id: str
    provider_refund: str
    operation_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnDebts:
    """What a return's inspections owe still, and how many of its units wait for one."""

    order_id: str
    refunds: tuple[str, ...]
    to_inspect: int


async def open_refunds(engine: AsyncEngine, checkout_id: str) -> tuple[str, ...]:
    """List the debts of a checkout that are still to be paid, the oldest first. Raises Transient."""
    rows = await rows_of(engine, _OPEN, checkout_id=checkout_id)
    return tuple(row["refund_id"] for row in rows)


async def refund_of(
    engine: AsyncEngine, checkout_id: str, refund_id: str
) -> tuple[RefundState, int] | None:
    """Give a debt's state and amount; None where nothing is owed under this id. Raises Transient."""
    rows = await rows_of(engine, _ONE, checkout_id=checkout_id, refund_id=refund_id)
    return (RefundState(rows[0]["state"]), rows[0]["amount_minor"]) if rows else None


async def paid_refunds(engine: AsyncEngine, checkout_id: str) -> list[PaidRefund]:
    """List the debts of a checkout that were paid. Raises Transient."""
    return [
        PaidRefund(
            refund_id=row["refund_id"],
            provider_refund=row["provider_refund"],
            operation_key=key,
        )
        for row in await rows_of(engine, _PAID, checkout_id=checkout_id)
        for key in row["keys"] or ()
        if ids.is_refund_key(key, checkout_id, row["refund_id"])
    ]


async def return_debts(engine: AsyncEngine, return_id: str) -> ReturnDebts:
    """Tell what a return still owes. Raises Transient; ValueError for no such return."""
    (row,) = await rows_of(engine, _OF_RETURN, return_id=return_id)
    return ReturnDebts(
        order_id=row["order_id"],
        refunds=tuple(row["refunds"] or ()),
        to_inspect=int(row["to_inspect"]),
    )
