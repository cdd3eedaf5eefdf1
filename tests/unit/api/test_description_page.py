"""What people see of the API at `/docs`."""

from __future__ import annotations

import re

from api.app import create_app
from api.description_page import page_of


def test_every_call_is_on_the_page() -> None:
    """Whoever has only the address should find what can be called."""
    description = create_app(None).openapi()
    page = page_of(description)
    calls = [(method, path) for path, methods in description["paths"].items() for method in methods]
    assert len(calls) > 10
    for method, path in calls:
        assert f"<td>{method.upper()}</td><td><code>{path}</code>" in page


def test_the_page_loads_nothing() -> None:
    """A foreign host would be told of each look, and decide what runs beside our API."""
    page = page_of(create_app(None).openapi())
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", page) == ["/openapi.json"]
    assert "<script" not in page


def test_words_cannot_become_markup() -> None:
    """They are ours today."""
    call = {"get": {"summary": "<b>"}}
    page = page_of({"info": {"title": "<i>", "version": "1"}, "paths": {"/<u>": call}})
    assert not re.search(r"<[biu]>", page)
