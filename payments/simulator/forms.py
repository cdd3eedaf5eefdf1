"""The provider's request bodies: form-encoded, nested by brackets, and read strictly."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from payments.simulator.refusals import Refusal, invalid

FIELDS_MOST: Final = 200
NAME: Final = re.compile(r"([a-z_0-9]+)((?:\[[^\[\]]*\])*)", re.ASCII)
INTEGER: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
METADATA_KEY_LENGTH_MOST: Final = 40
METADATA_VALUE_LENGTH_MOST: Final = 500
METADATA_KEYS_MOST: Final = 50

Choice = TypeVar("Choice", bound=StrEnum)


class Form:
    """A request's parameters. Reading one ticks it off; `finish` refuses what nobody read."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields: dict[str, dict[str, str]] = {}
        for name, value in fields:
            parts = NAME.fullmatch(name)
            if parts is None:
                raise _unknown(name)
            inner = self._fields.setdefault(parts[1], {})
            # `expand[]` may come many times; anything else repeated overwrites.
            path = parts[2] if parts[2] != "[]" else f"[{len(inner)}]"
            inner[path] = value
        self._unread = set(self._fields)

    def parameters(self) -> dict[str, dict[str, str]]:
        """Return everything as name → bracketed path → value, for comparing requests."""
        return self._fields

    def text(self, name: str) -> str | None:
        """Return a plain parameter; an empty one counts as absent, as the provider has it."""
        self._unread.discard(name)
        inner = self._fields.get(name)
        if inner is None:
            return None
        if set(inner) != {""}:
            raise invalid(name, f"Invalid string: {name}")
        return inner[""] or None

    def required(self, name: str) -> str:
        """Return a plain parameter that must be there."""
        value = self.text(name)
        if value is None:
            message = f"Missing required param: {name}."
            raise invalid(name, message, "parameter_missing")
        return value

    def since(self, name: str) -> int:
        """Return the lower bound of a range of times, in Unix seconds; 0 where there is none."""
        self._unread.discard(name)
        value = self._fields.get(name, {}).get("[gte]", "0")
        return self._whole(name, value)

    def integer(self, name: str) -> int | None:
        """Return a whole number."""
        value = self.text(name)
        return None if value is None else self._whole(name, value)

    def _whole(self, name: str, value: str) -> int:
        if INTEGER.fullmatch(value) is None:
            raise invalid(name, f"Invalid integer: {name}", "parameter_invalid_integer")
        return int(value)

    def choice(self, name: str, choices: type[Choice], default: Choice) -> Choice:
        """Return one of a closed set of words."""
        value = self.text(name)
        if value is None:
            return default
        try:
            return choices(value)
        except ValueError:
            raise invalid(name, f"Invalid {name}") from None

    def flag(self, name: str) -> bool:
        """Return a boolean, false when absent."""
        value = self.text(name)
        if value not in {None, "true", "false"}:
            raise invalid(name, f"Invalid boolean: {name}")
        return value == "true"

    def words(self, name: str) -> frozenset[str]:
        """Return a list whose order does not matter."""
        self._unread.discard(name)
        return frozenset(self._fields.get(name, {}).values())

    def metadata(self) -> dict[str, str]:
        """Return the caller's own key-value pairs, within the provider's limits."""
        self._unread.discard("metadata")
        pairs = {
            path[1:-1]: value for path, value in self._fields.get("metadata", {}).items() if value
        }
        fits = len(pairs) <= METADATA_KEYS_MOST and all(
            0 < len(key) <= METADATA_KEY_LENGTH_MOST and len(value) <= METADATA_VALUE_LENGTH_MOST
            for key, value in pairs.items()
        )
        if not fits:
            raise invalid(
                "metadata", "Metadata has up to 50 keys of 40 characters, and values of 500."
            )
        return pairs

    def ignore(self, *names: str) -> None:
        """Accept parameters that the provider has and that change nothing here."""
        self._unread.difference_update(names)

    def finish(self) -> None:
        """Refuse parameters that nobody read."""
        if self._unread:
            raise _unknown(min(self._unread))


def _unknown(name: str) -> Refusal:
    return invalid(name, f"Received unknown parameter: {name[:80]}", "parameter_unknown")


def parse(body: bytes) -> Form:
    """Read a form-encoded body or query string.

    Raises:
        Refusal: it is none, or names parameters that no provider's request could have.

    """
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FIELDS_MOST,
        )
    except ValueError:
        raise Refusal(400, "The request body is not a valid form.") from None
    return Form(fields)
