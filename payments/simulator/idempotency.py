"""Idempotency keys: the first answer to a request, kept, and given again to its repetitions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import orjson

from payments.simulator.forms import Form
from payments.simulator.refusals import Refusal

KEY_LENGTH_MOST: Final = 255
KEPT_SECONDS: Final = 24 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered to the first request under a key, whether it went well or not."""

    fingerprint: str
    status: int
    body: str
    created: int


def fingerprint(path: str, form: Form) -> str:
    """Digest what a request asks for; the order of its parameters does not count."""
    asked = orjson.dumps([path, form.parameters()], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(asked).hexdigest()


class KeysInFlight:
    """The keys whose first request is being carried out at this moment."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    @contextmanager
    def hold(self, key: str | None) -> Iterator[None]:
        """Keep twins out for as long as the block runs.

        Raises:
            Refusal: 409, a twin is inside.

        """
        if key is None:
            yield
            return
        if key in self._keys:
            message = "There is currently another in-progress request using this Idempotency-Key."
            raise Refusal(409, message, code="idempotency_key_in_use", kind="idempotency_error")
        self._keys.add(key)
        try:
            yield
        finally:
            self._keys.discard(key)


def earlier_answer(answers: Mapping[str, Answer], key: str | None, asked: str) -> Answer | None:
    """Find the answer to repeat, if this key was answered before.

    Raises:
        Refusal: the key was used with another request, or is no key.

    """
    if key is None:
        return None
    if len(key) > KEY_LENGTH_MOST:
        message = f"Idempotency-Key is longer than {KEY_LENGTH_MOST} characters."
        raise Refusal(400, message, kind="idempotency_error")
    answer = answers.get(key)
    if answer is not None and answer.fingerprint != asked:
        message = "An idempotency key can only be used with the parameters it was first used with."
        raise Refusal(400, message, kind="idempotency_error")
    return answer
