"""Log lines: one each, whatever people call themselves."""

import io
import json

import structlog

from auth_service.adapters.log import StructlogJournal, set_up_log
from auth_service.adapters.memory.surroundings import MemoryJournal
from auth_service.domain.model import Fact

NASTY = 'a\nb\r\x85\u2028\u2029\x1b[31m"},{'


def lines_of(form: str, fact: Fact) -> list[str]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    set_up_log(form, stream)  # type: ignore[arg-type]
    try:
        StructlogJournal(MemoryJournal()).note(fact)
        stream.flush()
        return raw.getvalue().decode().splitlines()
    finally:
        structlog.reset_defaults()


def test_nothing_a_person_types_begins_a_line_of_its_own() -> None:
    for form in ("json", "console"):
        assert len(lines_of(form, Fact(what="signed_in", agent=NASTY, why="x"))) == 1


def test_a_line_of_json_says_what_was_noted_and_leaves_out_what_is_empty() -> None:
    (line,) = lines_of("json", Fact(what="signed_in", user_id=7, agent=NASTY))
    told = json.loads(line)
    assert (told["event"], told["user_id"], told["agent"]) == ("signed_in", 7, NASTY)
    assert "why" not in told
