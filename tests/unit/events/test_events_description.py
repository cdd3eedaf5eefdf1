"""The description of the events is the one in `docs/`, and names every one that there is."""

from __future__ import annotations

import json
from pathlib import Path

from events.description import describe
from events.schemas import PAYLOADS
from ledger.outbox import EVENT_TYPES, PRODUCT_CHANGED

COMMITTED = Path(__file__).parents[3] / "docs" / "asyncapi.json"


def test_the_committed_description_is_that_of_the_code() -> None:
    """Where this fails: `onhand relay --print-asyncapi > docs/asyncapi.json`, and read what changed."""
    assert json.loads(COMMITTED.read_text()) == json.loads(json.dumps(describe()))


def test_every_event_is_described_on_one_channel() -> None:
    """A consumer finds what it may hear."""
    document = describe()
    told = [kind for channel in document["channels"].values() for kind in channel["messages"]]

    assert sorted(told) == sorted(PAYLOADS) == sorted({*EVENT_TYPES.values(), PRODUCT_CHANGED})
    assert set(document["components"]["messages"]) == set(told)


def test_every_reference_leads_somewhere() -> None:
    """Tools that make code of it stop at one that does not."""
    document = describe()
    references = [part.split('"')[0] for part in json.dumps(document).split('"$ref": "')[1:]]

    assert len(references) > 30
    for reference in references:
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
