"""From the bytes of a body to a value: strict JSON first, then the shape, and no byte before the policy passed."""

from __future__ import annotations

import json
import re
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from api.problems import Problem, malformed

_JSON = re.compile(r"application/json\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)
ERRORS_TOLD_MOST = 20

Shape = TypeVar("Shape", bound=BaseModel)


class JsonBody(Generic[Shape]):
    """A dependency that reads the request's body as this shape.

    Raises Problem: `unsupported-media-type`, `body-too-large`, `malformed`.
    """

    def __init__(self, shape: type[Shape]) -> None:
        self.shape = shape

    async def __call__(self, request: Request) -> Shape:
        """Read the body once its kind is known."""
        kinds = request.headers.getlist("content-type")
        if len(kinds) != 1 or _JSON.fullmatch(kinds[0].strip()) is None:
            raise Problem("unsupported-media-type")
        return shaped(self.shape, strict_json(await request.body()))


def strict_json(body: bytes) -> Any:
    """Read JSON as RFC 8259 has it and nothing beyond: UTF-8, no NaN, and no name twice in one object.

    Raises Problem `malformed`.
    """
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise malformed("body", "is not JSON") from None


def shaped(shape: type[Shape], value: Any) -> Shape:
    """Check a value against a shape, strictly: no type is read as another. Raises Problem `malformed`."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise Problem("malformed", errors=_told(error)) from None


def _told(error: ValidationError) -> list[dict[str, str]]:
    """Tell places by the names that we gave them: an unknown name is the caller's text, and is not repeated."""
    parts = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {
            "location": ".".join(("body", *map(str, _known_place(part)))),
            "message": "has an unknown field" if _is_unknown(part) else part["msg"],
        }
        for part in parts[:ERRORS_TOLD_MOST]
    ]


def _known_place(part: Any) -> tuple[int | str, ...]:
    place: tuple[int | str, ...] = part["loc"]
    return place[:-1] if _is_unknown(part) else place


def _is_unknown(part: Any) -> bool:
    return bool(part["type"] in ("extra_forbidden", "invalid_key"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError
    return unique


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError
