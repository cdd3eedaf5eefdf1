"""Where a page ended, as an opaque word; and the names in it, read as strictly as any stranger's."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import orjson

from ledger import ids

_LONGEST = 2_000


def page_token(place: Any) -> str:
    """Say where a page ended."""
    return base64.urlsafe_b64encode(orjson.dumps(place, option=orjson.OPT_SORT_KEYS)).decode()


def read_page_token(token: str) -> Any:
    """Read such a word; None where it is not one of ours."""
    if len(token) > _LONGEST:
        return None
    try:
        return orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None


def is_name(text: str, *, long: bool = False) -> bool:
    """Tell whether a text may be the id of a sku or a location, or of anything that has a long one."""
    return re.fullmatch(ids.LONG_ID_PATTERN if long else ids.ID_PATTERN, text) is not None
