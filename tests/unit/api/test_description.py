"""The API's description, as it is committed for those who build against it."""

from __future__ import annotations

import json
from pathlib import Path

from api.app import create_app
from api.problems import PROBLEMS

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_committed_description_is_of_this_code() -> None:
    """Where this fails: `onhand api --print-openapi > docs/openapi.json`, and read what changed."""
    assert json.loads(COMMITTED.read_text()) == json.loads(json.dumps(create_app(None).openapi()))


def test_every_operation_tells_its_policy_and_its_problems() -> None:
    """Public ones name no security; every body and every problem has a shape."""
    document = create_app(None).openapi()
    public = {"/healthz", "/readyz", "/search", "/webhooks/stripe"}
    public |= {"/availability", "/availability/{sku}", "/streams/availability"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == (path not in public)
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]
    codes = document["components"]["schemas"]["ProblemDocument"]["properties"]["code"]["enum"]
    assert codes == sorted(PROBLEMS)
