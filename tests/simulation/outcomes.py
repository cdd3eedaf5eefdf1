"""What a long run must have come to: one that never did has shown nothing about it."""

from __future__ import annotations

_OF_COMMANDS = {
    "Receive": "done, the same again, key-reused, nothing-wanted, unknown-location, unknown-sku",
    "Adjust": "done, the same again, stale-version, pile-too-small, nothing-wanted, unknown-sku",
    "Research": "done, the same again, pile-too-small, no-order, more-than-sold, nothing-wanted",
    "Resolve": "done, the same again, pile-too-small, nothing-wanted",
    "ChangePause": "done, unknown-sku, unknown-location",
    "SetSafetyStock": "done, negative-quantity, unknown-sku",
    "SetFeedBuffer": "done, negative-quantity, unknown-sku",
    "OpenCheckout": "done, the same again, key-reused, cart-busy, duplicate-sku, nothing-wanted",
    "Reserve": (
        "done, the same again, key-reused, nothing-wanted, unknown-checkout, unknown-sku,"
        " reservation-released, already-out_of_stock, not-the-first, limit-exceeded, insufficient-stock"
    ),
    "Release": (
        "done, the same again, unknown-checkout, not-the-first, too-late,"
        " already-expired, already-confirmed, already-out_of_stock"
    ),
    "Expire": "done, the same again, unknown-checkout, unknown-reservation, not-held, extended",
    "Fence": (
        "done, the same again, unknown-checkout, unknown-reservation, not-held,"
        " payment-not-authorized"
    ),
    "Confirm": (
        "done, the same again, unknown-checkout, unknown-reservation, not-committing,"
        " payment-not-captured"
    ),
    "CancelOrder": "done, the same again, unknown-checkout, no-order, already-shipped",
    "StartPaymentOperation": "done, unknown-checkout, not-now",
    "DoubtCapture": "done, unknown-checkout, unknown-operation",
    "FailPaymentOperation": "done, unknown-checkout, unknown-operation",
    "RecordPayment": (
        "done, unknown-checkout, unknown-payment, other-payment, amount-mismatch, payment-voided"
    ),
    "StartRefund": "done, unknown-checkout, no-refund-owed",
    "RecordRefund": "done, unknown-checkout, unknown-operation",
    "Ship": (
        "done, the same again, waiting, key-reused, nothing-wanted, unknown-location,"
        " no-order, order-cancelled, more-than-sold"
    ),
    "ShortPick": (
        "done, the same again, waiting, key-reused, nothing-wanted, unknown-location,"
        " no-order, order-cancelled, location-needed, more-than-sold"
    ),
    "TakeBack": (
        "done, the same again, waiting, key-reused, nothing-wanted, unknown-location,"
        " no-order, order-cancelled, more-than-shipped"
    ),
    "Inspect": (
        "done, the same again, waiting, key-reused, nothing-wanted, refund-exceeds-inspected,"
        " more-than-returned"
    ),
    "SendTransfer": (
        "done, the same again, key-reused, nothing-wanted, same-location, unknown-location,"
        " unknown-sku, insufficient-stock"
    ),
    "ReceiveTransfer": "done, the same again, waiting, key-reused, nothing-wanted, more-than-sent",
    "Ship that waited": "applied, more-than-sold",
    "ShortPick that waited": "applied, more-than-sold",
    "TakeBack that waited": "applied, waiting, more-than-shipped, order-cancelled",
    "Inspect that waited": "applied, more-than-returned",
    "ReceiveTransfer that waited": "applied, more-than-sent",
}

MUST_HAVE = {
    "several at once",
    "shortfall",
    *(f"kind {kind}" for kind in ("adjust", "damage", "regrade", "write_off", "lost_in_transit")),
    *("status refunded", "status refund_pending", "status declined", "order returned"),
    *("order partly_shipped", "order partly_returned", "tombstone", "split over places"),
    *("served anew", "nothing of it was found"),
    *("compensated", "returned elsewhere", "location disabled", "location enabled"),
    *(f"{name}: {word}" for name, words in _OF_COMMANDS.items() for word in words.split(", ")),
}
