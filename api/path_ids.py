"""Ids in addresses: where something is looked up, a wrong one is unknown; where it may yet come, it is malformed."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends

from api.problems import Problem, malformed
from ledger import ids


def _is_id(text: str) -> bool:
    return re.fullmatch(ids.ID_PATTERN, text) is not None


async def _new_sku(sku: str) -> str:
    if not _is_id(sku):
        raise malformed("path.sku", "must be letters, digits, _ and -, at most 64 of them")
    return sku


async def _new_location(location: str) -> str:
    if not _is_id(location):
        raise malformed("path.location", "must be letters, digits, _ and -, at most 64 of them")
    return location


async def _named_return(return_id: str) -> str:
    return _document_id("return_id", return_id)


async def _named_transfer(transfer_id: str) -> str:
    return _document_id("transfer_id", transfer_id)


def _document_id(name: str, text: str) -> str:
    if re.fullmatch(ids.LONG_ID_PATTERN, text) is None:
        raise malformed(f"path.{name}", "must be letters, digits, _ and -, at most 128 of them")
    return text


async def _known_sku(sku: str) -> str:
    if not _is_id(sku):
        raise Problem("unknown-sku")
    return sku


async def _known_checkout(checkout_id: str) -> str:
    if not ids.is_checkout_id(checkout_id):
        raise Problem("unknown-checkout")
    return checkout_id


async def _known_order(order_id: str) -> str:
    return await _known_checkout(order_id)


NewSku = Annotated[str, Depends(_new_sku)]
NewLocation = Annotated[str, Depends(_new_location)]
NamedReturn = Annotated[str, Depends(_named_return)]
NamedTransfer = Annotated[str, Depends(_named_transfer)]
KnownSku = Annotated[str, Depends(_known_sku)]
KnownOrderId = Annotated[str, Depends(_known_order)]
KnownCheckoutId = Annotated[str, Depends(_known_checkout)]
