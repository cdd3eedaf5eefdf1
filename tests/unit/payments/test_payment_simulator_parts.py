"""The simulator's smaller parts: forms, keys in flight, back-off."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payments.simulator.forms import parse
from payments.simulator.idempotency import Answer, KeysInFlight, earlier_answer, fingerprint
from payments.simulator.journal import Journal, JournalUnusable
from payments.simulator.postman import MOST_BACKOFF_SECONDS, backoff_seconds
from payments.simulator.refusals import Refusal
from payments.simulator.till import Till


def test_brackets_nest_as_the_sdk_writes_them() -> None:
    """Metadata by key, lists by index or by repetition."""
    form = parse(b"metadata[checkout_id]=co_1&expand[0]=latest_charge&expand[]=customer&amount=7")

    assert form.metadata() == {"checkout_id": "co_1"}
    assert form.words("expand") == {"latest_charge", "customer"}
    assert form.integer("amount") == 7
    form.finish()


def test_a_parameter_that_nobody_reads_is_refused() -> None:
    """A misspelt parameter must not be ignored: it may have been the amount."""
    with pytest.raises(Refusal) as refused:
        parse(b"amonut=7").finish()

    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "amonut")


@given(body=some.binary() | some.text().map(str.encode))
def test_no_body_upsets_the_form(body: bytes) -> None:
    """It is read or refused."""
    try:
        form = parse(body)
        form.metadata()
        for name in form.parameters():
            form.text(name)
    except Refusal as refused:
        assert refused.status == 400  # noqa: PT017 - either is right
        assert not refused.began  # noqa: PT017 - either is right


@given(pairs=some.dictionaries(some.from_regex(r"[a-z]{1,8}", fullmatch=True), some.text()))
def test_a_request_is_known_again_in_any_order(pairs: dict[str, str]) -> None:
    """Of two requests with the same parameters, one is the repetition of the other."""
    backwards = dict(reversed(pairs.items()))
    forms = [parse(urlencode(asked).encode()) for asked in (pairs, backwards)]

    assert fingerprint("/v1/a", forms[0]) == fingerprint("/v1/a", forms[1])
    assert fingerprint("/v1/a", forms[0]) != fingerprint("/v1/b", forms[1])


def test_twins_are_kept_out_while_the_first_is_under_way() -> None:
    """409, not kept: the twin may come again."""
    keys = KeysInFlight()

    with keys.hold("key"), pytest.raises(Refusal) as refused, keys.hold("key"):
        pass

    assert (refused.value.status, refused.value.code) == (409, "idempotency_key_in_use")
    with keys.hold("key"), keys.hold("other"), keys.hold(None), keys.hold(None):
        pass


def test_a_key_answers_only_its_own_request() -> None:
    """And a key that is too long is none."""
    kept = Answer(fingerprint="f", status=200, body="{}", created=0)

    assert earlier_answer({"key": kept}, "key", "f") is kept
    assert earlier_answer({"key": kept}, "new", "f") is None
    assert earlier_answer({"key": kept}, None, "f") is None
    for key, asked in (("key", "g"), ("k" * 256, "f")):
        with pytest.raises(Refusal) as refused:
            earlier_answer({"key": kept}, key, asked)
        assert (refused.value.status, refused.value.kind) == (400, "idempotency_error")


def test_back_off_doubles_up_to_a_bound() -> None:
    """Half a second, one, two, four … thirty, for three days."""
    assert [backoff_seconds(attempts) for attempts in range(1, 8)] == [0.5, 1, 2, 4, 8, 16, 30]
    assert backoff_seconds(100_000) == MOST_BACKOFF_SECONDS


@pytest.mark.parametrize("damage", [b'[["answer",', b"7", b"[7]", b'[["a"]]', b""])
def test_a_journal_damaged_in_the_middle_is_not_read(tmp_path: Path, damage: bytes) -> None:
    """Only the last line can have been cut off by a kill; anything else is somebody's edit."""
    path = tmp_path / "state.jsonl"
    path.write_bytes(b'[["answer","a",1]]\n' + damage + b'\n[["answer","c",3]]\n')
    journal = Journal(path)

    with pytest.raises(JournalUnusable, match="line 2 is damaged"):
        list(journal.read())

    journal.close()


def test_a_journal_of_another_version_is_not_read(tmp_path: Path) -> None:
    """It says so, and lets go of the file."""
    path = tmp_path / "state.jsonl"
    path.write_bytes(b'[["intent","pi_1",{"colour":"red"}]]\n')

    for _ in range(2):
        with pytest.raises(JournalUnusable, match="another version"):
            Till.open(path, 0)

    assert b"colour" in path.read_bytes()


def test_a_journal_gives_back_what_was_kept(tmp_path: Path) -> None:
    """In order, a commit at a time, and across a rewrite."""
    path = tmp_path / "state.jsonl"
    journal = Journal(path)
    journal.append([("answer", "a", 1), ("answer", "b", 2)])
    journal.append([("answer", "a", None)])
    assert list(journal.read()) == [("answer", "a", 1), ("answer", "b", 2), ("answer", "a", None)]

    journal.rewrite([("answer", "b", 2)])
    journal.append([("answer", "c", 3)])

    assert list(journal.read()) == [("answer", "b", 2), ("answer", "c", 3)]
    journal.close()
