"""What every journal that can be read promises, to be run over yours.

    class TestPaperJournal(RecordsContract):
        @pytest.fixture
        def desk(self) -> Desk:
            return Desk(...)

It needs pytest, and pytest-asyncio in its auto mode.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from auth_service.domain.model import Fact
from auth_service.domain.ports.records import Records
from auth_service.domain.ports.surroundings import Journal


async def _nothing_to_settle() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A journal with nothing in it, and who reads it; `settle` returns when what was noted can be read."""

    journal: Journal
    records: Records
    settle: Callable[[], Awaitable[None]] = _nothing_to_settle


class RecordsContract:
    """Override `desk`; every test must hold."""

    async def test_what_was_noted_of_an_account_is_shown_as_it_was(self, desk: Desk) -> None:
        fact = Fact(what="signed_in", user_id=7, session_id="s1", address="192.0.2.1", agent="laptop", why="because")
        desk.journal.note(fact)
        await desk.settle()
        (kept,) = await desk.records.of_user(7, limit=9)
        assert (kept.what, kept.user_id, kept.session_id) == ("signed_in", 7, "s1")
        assert (kept.address, kept.agent, kept.why) == ("192.0.2.1", "laptop", "because")
        assert kept.id > 0
        assert kept.at > 0

    async def test_the_newest_come_first_and_no_more_than_are_wanted(self, desk: Desk) -> None:
        for number in range(5):
            desk.journal.note(Fact(what=f"n{number}", user_id=7))
        await desk.settle()
        assert [kept.what for kept in await desk.records.of_user(7, limit=3)] == ["n4", "n3", "n2"]

    async def test_what_concerns_others_is_not_shown(self, desk: Desk) -> None:
        for whose in (7, 8, None):
            desk.journal.note(Fact(what="signed_in", user_id=whose))
        await desk.settle()
        assert [kept.user_id for kept in await desk.records.of_user(8, limit=9)] == [8]

    async def test_routine_is_not_kept(self, desk: Desk) -> None:
        desk.journal.note(Fact(what="refreshed", user_id=7, keep="never"))
        await desk.settle()
        assert await desk.records.of_user(7, limit=9) == []

    @pytest.mark.parametrize("user_id", [0, -1, 99, 2**63 - 1, 2**63, -(2**63), 10**30])
    async def test_any_integer_may_be_asked_for(self, desk: Desk, user_id: int) -> None:
        desk.journal.note(Fact(what="signed_in", user_id=7))
        await desk.settle()
        assert await desk.records.of_user(user_id, limit=9) == []
