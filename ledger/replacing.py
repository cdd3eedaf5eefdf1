"""`dataclasses.replace` for the way of every command: it looks each field up anew, and that was a fifth of the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

Value = TypeVar("Value")


def replace(value: Value, /, **changes: Any) -> Value:
    """Copy a dataclass of two fields or more with some of them changed."""
    kind: Any = type(value)
    names, read = _shape(kind)
    copied: Value = kind(**{**dict(zip(names, read(value), strict=True)), **changes})
    return copied


@cache
def _shape(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in fields(kind) if field.init)
    return names, attrgetter(*names)
