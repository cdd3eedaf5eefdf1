"""What may be looked for, read from behind the question mark."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from fastapi import Depends

from api.currencies import CURRENCIES
from api.problems import malformed
from api.queries import QueryValue
from projections.search.asking import Wish

TEXT_LONGEST = 200
LIMIT_MOST = 100
LIMIT_USUAL = 20
OFFSET_MOST = 1_000
"""Nobody looks at the fiftieth page; whoever copies the catalogue pays for each page what came before it."""
PRICE_MOST = 99_999_999
_TRUTHS = {"true": True, "false": False}


def offset_token(offset: int) -> str | None:
    """Say how much was shown, as an opaque word; None where no page comes after that."""
    if offset > OFFSET_MOST:
        return None
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def read_offset(token: str) -> int | None:
    """Read such a word; None where it is not one of ours."""
    try:
        return _read_number(
            base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii"), OFFSET_MOST
        )
    except (binascii.Error, ValueError):
        return None


def _read_number(text: str, most: int) -> int | None:
    if not re.fullmatch(r"[1-9][0-9]{0,7}", text, re.ASCII) or int(text) > most:
        return None
    return int(text)


def _price(name: str, description: str) -> QueryValue[int]:
    return QueryValue(
        name,
        lambda text: _read_number(text, PRICE_MOST),
        rule=f"must be a number from 1 to {PRICE_MOST}",
        description=f"{description}, per unit in minor units. Goes with `currency`.",
        schema={"type": "integer", "minimum": 1, "maximum": PRICE_MOST},
    )


Text = Annotated[
    str,
    Depends(
        QueryValue(
            "q",
            lambda text: text if len(text) <= TEXT_LONGEST else None,
            rule=f"must be at most {TEXT_LONGEST} characters",
            description="What to look for, as a customer types it. Nothing is syntax. Everything, where it is empty.",
            schema={"type": "string", "maxLength": TEXT_LONGEST, "default": ""},
            default="",
        )
    ),
]
InStock = Annotated[
    bool | None,
    Depends(
        QueryValue(
            "in_stock",
            _TRUTHS.get,
            rule="must be true or false",
            description="Only what can be had, or only what cannot.",
            schema={"type": "boolean"},
        )
    ),
]
Currency = Annotated[
    str | None,
    Depends(
        QueryValue(
            "currency",
            lambda text: text if text in CURRENCIES else None,
            rule="must be a currency code of ISO 4217",
            description="Only what is priced in this currency.",
            schema={"type": "string"},
        )
    ),
]
PriceMin = Annotated[int | None, Depends(_price("price_min", "The lowest price"))]
PriceMax = Annotated[int | None, Depends(_price("price_max", "The highest price"))]
PageLimit = Annotated[
    int,
    Depends(
        QueryValue(
            "limit",
            lambda text: _read_number(text, LIMIT_MOST),
            rule=f"must be a number from 1 to {LIMIT_MOST}",
            description="How many products a page has at most.",
            schema={
                "type": "integer",
                "minimum": 1,
                "maximum": LIMIT_MOST,
                "default": LIMIT_USUAL,
            },
            default=LIMIT_USUAL,
        )
    ),
]
Shown = Annotated[
    int,
    Depends(
        QueryValue(
            "after",
            read_offset,
            rule="must be what an earlier answer gave as `next`",
            description="Where the page before ended: its `next`.",
            schema={"type": "string"},
            default=0,
        )
    ),
]


async def _wish(
    *,
    text: Text,
    in_stock: InStock,
    currency: Currency,
    price_min: PriceMin,
    price_max: PriceMax,
    limit: PageLimit,
    offset: Shown,
) -> Wish:
    priced = price_min is not None or price_max is not None
    if priced and currency is None:
        raise malformed("query.currency", "must be there with price_min and price_max")
    if (price_min or 0) > (price_max or PRICE_MOST):
        raise malformed("query.price_max", "must not be below price_min")
    return Wish(
        text=text,
        in_stock=in_stock,
        currency=currency,
        price_min=price_min,
        price_max=price_max,
        limit=limit,
        offset=offset,
    )


WishOf = Annotated[Wish, Depends(_wish)]
"""All of it, held together."""
