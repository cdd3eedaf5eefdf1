"""The currencies that the simulator takes, by their ISO 4217 codes in lower case."""

from __future__ import annotations

from typing import Final

CURRENCIES: Final = frozenset(
    """
    aed ars aud bgn bhd brl cad chf clp cny cop czk dkk egp eur gbp hkd huf idr ils inr isk jod jpy
    kes krw kwd mad mxn myr ngn nok nzd omr pen php pkr pln qar ron rsd sar sek sgd thb try twd uah
    usd uyu vnd zar
    """.split()  # noqa: SIM905 - a word list reads better than fifty strings
)
