"""The sentences of what is found: what it means, and what to do, by its code.

`docs/runbooks/doctor-finds-something.md` has a line for each code; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ledger.examining.findings import Finding

RUNBOOK = "docs/runbooks/doctor-finds-something.md"


class Words(NamedTuple):
    """What it means, with places for the facts; and what to do."""

    what: str
    do: str


_KEEP = "Stop whoever may write with more than the application's rights, keep a dump of the database as it is"
_COMPARE = f"{_KEEP}, and compare this history with a backup and with what the outbox told."

CHAIN_WORDS: dict[str, Words] = {
    "entry-changed": Words(
        "The history of {sku} at {location} was changed after it was written, at entry {sequence}: "
        "its hash is not that of its fields and of the entry before it.",
        _COMPARE,
    ),
    "entry-missing": Words(
        "The history of {sku} at {location} has a gap before entry {sequence}: entries were removed.",
        _COMPARE,
    ),
    "entry-repeated": Words(
        "The history of {sku} at {location} has an entry too many, numbered {sequence}.",
        _COMPARE,
    ),
    "entry-disordered": Words(
        "In the history of {sku} at {location}, entry {sequence} says it was recorded before the "
        "entry it follows.",
        f"{_KEEP}, and see whether the clock of the database went back, or somebody wrote by hand.",
    ),
    "entry-does-not-follow": Words(
        "In the history of {sku} at {location}, the piles after entry {sequence} are not the piles "
        "before it with its units moved, and yet its hash is right.",
        f"{_KEEP}. Whoever wrote it knew how to hash: look for a bug of that day's version, or for "
        "somebody with the owner's password.",
    ),
    "pile-negative": Words(
        "After entry {sequence}, a pile of {sku} at {location} held fewer than no units.",
        f"{_KEEP}, and count the shelf: units were promised that there were not.",
    ),
    "end-missing": Words(
        "The row of {sku} at {location} has had {sequence} entries, and the last of them are gone.",
        _COMPARE,
    ),
    "row-behind": Words(
        "The row of {sku} at {location} says it has had {sequence} entries, and its history has more.",
        f"{_KEEP}. Put the row right from its last entry, after you know who wrote past it.",
    ),
    "row-hash-differs": Words(
        "The row of {sku} at {location} carries another hash than its last entry, number {sequence}.",
        f"{_KEEP}. If the history is whole, the row was changed by hand: put it right from its last entry.",
    ),
    "row-differs": Words(
        "The row of {sku} at {location} is not what its last entry, number {sequence}, says it is.",
        f"{_KEEP}. If the history is whole, the row was changed by hand: put it right from its last "
        "entry, and count the shelf.",
    ),
    "row-missing": Words(
        "{sku} at {location} has a history of {sequence} entries and no row.",
        f"{_KEEP}, and put the row back from its last entry.",
    ),
}

HEAD_WORDS: dict[str, Words] = {
    "history-rewritten": Words(
        "The history of {sku} at {location} was written anew: entry {sequence} has another hash "
        "than when its head was taken ({taken_at}), though the chain hangs together.",
        f"{_KEEP}. Only an owner or a superuser can have done this: find out who, and compare with a "
        "backup of that time.",
    ),
    "history-shortened": Words(
        "The history of {sku} at {location} had {sequence} entries when its head was taken "
        "({taken_at}), and now ends at entry {last}.",
        f"{_KEEP}. Either an older backup was put back, or entries were removed: find out which.",
    ),
    "history-vanished": Words(
        "The history of {sku} at {location}, {sequence} entries when its head was taken "
        "({taken_at}), is gone altogether.",
        f"{_KEEP}. Is this the right database? If so, an older backup was put back, or somebody "
        "removed it.",
    ),
}

_RIGHTS = "Take the right back (REVOKE), find out who gave it, and run doctor again."
_NETS = (
    "See that workers run and that their loops do (onhand_loop_failures_total): they end, start and bring what is "
    "left over. Nothing is lost meanwhile."
)
_PROVIDER = (
    "See whether the provider answers, and what the step's attempts say in the Temporal UI: "
    "docs/runbooks/provider-is-away.md."
)
PROMISE_REMEDIES: dict[str, str] = {
    "I12": _NETS,
    "I13": _NETS,
    "I14": _NETS,
    "I15": "Look at it in the Temporal UI: it says what it waits for. The orphan check asks it to end; one without a "
    "row belongs to another ledger, or ours is an older backup.",
    "I28": "Somebody marked events by hand. Set published_at of the subject's later ones back to NULL: they are "
    "sent again, and consumers know them by their sequence.",
    "I38": _RIGHTS,
    "I39": "Switch the guard on again (ENABLE ALWAYS TRIGGER; its text is in ledger/migrations), find "
    "out since when it was off, and compare chain heads of before with --heads.",
    "I40": "Set it back (fsync, full_page_writes and synchronous_commit are on) and restart Postgres: "
    "until then, an answer may be lost that a caller was given.",
    "I58": _PROVIDER,
    "I59": "Look the payment up at the provider, and find out why its checkout is not ended: docs/runbooks/"
    "checkout-does-not-move.md.",
    "I60": _NETS,
}
"""What to do where it is not the rows that are wrong."""


def chain_finding(code: str, sku: str, location: str, sequence: int, *, later: int) -> Finding:
    """Say what is wrong with a row's history, and how much more of it is."""
    facts = {"sku": sku, "location": location, "sequence": sequence}
    finding = _finding(CHAIN_WORDS[code], code, facts)
    if not later:
        return finding
    more = f" {later:,} more of its entries are wrong." if later > 1 else " One more is wrong."
    return Finding(
        code=code, what=finding.what + more, do=finding.do, facts={**facts, "later": later}
    )


def head_finding(
    code: str, sku: str, location: str, sequence: int, taken_at: str, *, last: int
) -> Finding:
    """Say how a history differs from the head that was kept of it."""
    facts = {"sku": sku, "location": location, "sequence": sequence, "taken_at": taken_at}
    return _finding(
        HEAD_WORDS[code], code, facts if code != "history-shortened" else {**facts, "last": last}
    )


def promise_finding(number: str, promise: str, rows: list[dict[str, Any]], count: str) -> Finding:
    """Say which promise is broken, and by which rows."""
    first = ", ".join(f"{name} {value}" for name, value in rows[0].items() if value is not None)
    return Finding(
        code=number,
        what=f"A promise is broken: {promise} It is not so for {count}, the first being {first}.",
        do=PROMISE_REMEDIES.get(number, f"{_KEEP}. {RUNBOOK} says how to read each of them."),
        facts={"rows": rows, "count": count},
    )


def _finding(words: Words, code: str, facts: dict[str, Any]) -> Finding:
    return Finding(code=code, what=words.what.format(**facts), do=words.do, facts=facts)
