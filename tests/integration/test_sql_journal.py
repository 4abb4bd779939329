"""The journal in SQL keeps what it is told, once each, in one chain that shows whatever is done to it afterwards."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from auth_service.adapters.contracts.records import Desk, RecordsContract
from auth_service.adapters.memory.surroundings import FixedClock
from auth_service.adapters.sql import schema
from auth_service.adapters.sql.chain import BROKEN, Chain, Misfit, Record
from auth_service.adapters.sql.database import Database, Row
from auth_service.adapters.sql.journal import SqlJournal
from auth_service.adapters.sql.journal_reading import JournalReader, Search, Whole
from auth_service.adapters.sql.postgres import PostgresDatabase
from auth_service.adapters.sql.sqlite import SqliteDatabase
from auth_service.adapters.sql.statements import Write
from auth_service.domain.errors import Busy
from auth_service.domain.model import Fact

CHAIN = Chain.keyed_by("a secret that is not in the database")
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """A database with nothing in it, opened as often as a test likes; `meddle` is somebody who can write its tables."""

    open: Callable[[], Awaitable[Database]]
    meddle: Callable[..., Awaitable[None]]


async def in_the_end(journal: SqlJournal) -> None:
    """Write down as a service does: where others are faster again and again, the next time."""
    while True:
        try:
            await journal.write_down()
        except Busy:
            continue
        else:
            return


@pytest.fixture(scope="module")
def journal_url(postgres_url: str) -> str:
    """Give a PostgreSQL database of these tests' own: services at work elsewhere would miss what is removed here."""
    url = urlsplit(postgres_url)._replace(path="/journal_tests").geturl()

    async def make() -> None:
        administering = await asyncpg.connect(postgres_url)
        await administering.execute("DROP DATABASE IF EXISTS journal_tests")
        await administering.execute("CREATE DATABASE journal_tests")
        await administering.close()
        await schema.upgrade(url)

    asyncio.run(make())
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def postgres(request: pytest.FixtureRequest) -> str | None:
    """Give the address of the PostgreSQL database, or None for an SQLite file."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("journal_url"))


@pytest.fixture
async def place(postgres: str | None, empty_database: Path, tmp_path: Path) -> AsyncIterator[Place]:
    """Give an empty database of one kind and of the other."""
    opened: list[Database] = []
    if postgres is None:
        file = tmp_path / "auth.db"
        shutil.copy(empty_database, file)

        async def open_one() -> Database:
            opened.append(await SqliteDatabase.open(file))
            return opened[-1]

        async def meddle(*statements: str) -> None:
            with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
                for statement in statements:
                    connection.execute(statement)

    else:
        url = postgres

        async def open_one() -> Database:
            opened.append(PostgresDatabase(url, connections=2))
            return opened[-1]

        async def meddle(*statements: str) -> None:
            connection = await asyncpg.connect(url)
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)
            await connection.close()

        await meddle("TRUNCATE journal, journal_head", "INSERT INTO journal_head VALUES (1, 0, '', 0, '', '')")
    yield Place(open_one, meddle)
    for database in opened:
        await database.close()


@pytest.fixture
async def database(place: Place) -> Database:
    """Give it opened once."""
    return await place.open()


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock to move on."""
    return FixedClock()


@pytest.fixture
def journal(database: Database, clock: FixedClock) -> SqlJournal:
    """Give a journal to write."""
    return SqlJournal(database, clock, CHAIN)


@pytest.fixture
def reader(database: Database) -> JournalReader:
    """Give it to read."""
    return JournalReader(database, CHAIN)


async def write(journal: SqlJournal, count: int = 10, *, what: str = "signed_in") -> None:
    """Let so many things happen, one after another."""
    for number in range(count):
        journal.note(Fact(what=what, user_id=number, address="192.0.2.1", agent="laptop", why=f"number {number}"))
    await journal.write_down()


async def everything(reader: JournalReader) -> Sequence[Record]:
    """Return all records."""
    return await reader.after(Search(), 0)


async def misfit(reader: JournalReader, start: int = 0) -> Misfit:
    """Verify; there must be something that does not fit."""
    outcome = await reader.verify(start=start)
    assert isinstance(outcome, Misfit), outcome
    return outcome


async def whole(reader: JournalReader, start: int = 0) -> Whole:
    """Verify; all must fit."""
    outcome = await reader.verify(start=start)
    assert isinstance(outcome, Whole), outcome
    return outcome


class TestKeeping:
    """What is noted is kept, in its order and once."""

    async def test_nothing_is_a_whole_journal(self, journal: SqlJournal, reader: JournalReader) -> None:
        await journal.write_down()
        assert await whole(reader) == Whole(0, 0, "")

    async def test_a_record_says_who_what_when_where_from_in_which_session_and_why(
        self, journal: SqlJournal, reader: JournalReader, clock: FixedClock
    ) -> None:
        fact = Fact(what="sign_in_refused", user_id=7, session_id="s1", address="2001:db8::1", agent="ü", why="wrong")
        journal.note(fact)
        assert await everything(reader) == []
        clock.advance(1.0)
        await journal.write_down()
        (record,) = await everything(reader)
        assert (record.id, record.at, record.what, record.user_id) == (1, clock.at - 1.0, "sign_in_refused", 7)
        assert (record.session_id, record.address, record.agent, record.why) == ("s1", "2001:db8::1", "ü", "wrong")
        assert await whole(reader) == Whole(1, 1, record.mac)

    async def test_a_crowd_of_records_keeps_its_order(self, journal: SqlJournal, reader: JournalReader) -> None:
        await write(journal, 700)
        await write(journal, 33)
        found = await everything(reader)
        assert [record.why for record in found] == [f"number {number}" for number in (*range(700), *range(33))]
        assert (await whole(reader)).count == 733

    async def test_what_is_searched_for_is_found_the_newest_last(
        self, journal: SqlJournal, reader: JournalReader, clock: FixedClock
    ) -> None:
        await write(journal, 5)
        since = clock.now() + 1.0
        clock.advance(2.0)
        await write(journal, 5, what="deleted")
        assert [record.id for record in await reader.last(Search(), 3)] == [8, 9, 10]
        assert [record.id for record in await reader.last(Search(user_id=3), 9)] == [4, 9]
        assert [record.id for record in await reader.last(Search(user_id=3, what="deleted"), 9)] == [9]
        assert [record.id for record in await reader.last(Search(since=since), 2)] == [9, 10]
        assert [record.id for record in await reader.after(Search(what="deleted", since=since), 7)] == [8, 9, 10]

    async def test_what_is_routine_is_not_kept(self, journal: SqlJournal, reader: JournalReader) -> None:
        journal.note(Fact(what="refreshed", keep="never"))
        await journal.write_down()
        assert await everything(reader) == []

    async def test_a_flood_of_the_same_is_one_record_that_says_how_many(
        self, journal: SqlJournal, reader: JournalReader
    ) -> None:
        for number in range(50_000):
            journal.note(
                Fact(
                    what="sign_in_refused",
                    address=f"192.0.2.{number % 2}",
                    agent=f"{number}",
                    why="x",
                    keep="alike_once",
                )
            )
        await write(journal, 1)
        told = [(record.address, record.why) for record in await everything(reader)]
        assert told[:2] == [("192.0.2.0", "x (25000 times)"), ("192.0.2.1", "x (25000 times)")]
        assert len(told) == 3

    async def test_past_all_bounds_they_are_counted(self, journal: SqlJournal, reader: JournalReader) -> None:
        for number in range(20_003):
            journal.note(Fact(what="signed_in", user_id=number))
        await journal.write_down()
        (lost,) = await reader.last(Search(what="records_lost"), 9)
        assert lost.why == "3 could not be kept"
        assert (await whole(reader)).count == 20_001

    async def test_whatever_people_type_is_one_record_and_moves_no_cursor(
        self, journal: SqlJournal, reader: JournalReader
    ) -> None:
        nasty = "a\x00b\nc\r\x1b[2J\u202e\u2028\ud800" + "x" * 100_000
        journal.note(Fact(what=nasty, session_id=nasty, address=nasty, agent=nasty, why=nasty))
        await journal.write_down()
        (record,) = await everything(reader)
        assert all(text.isprintable() for text in (record.what, record.address, record.agent, record.why))
        assert record.agent.startswith("a�b�c��[2J���xxx")
        await whole(reader)

    async def test_several_processes_write_one_chain(
        self, place: Place, reader: JournalReader, clock: FixedClock
    ) -> None:
        journals = [SqlJournal(await place.open(), clock, CHAIN) for _ in range(4)]

        async def one(number: int, journal: SqlJournal) -> None:
            for turn in range(25):
                for each in range(3):
                    journal.note(Fact(what="signed_in", user_id=number, why=f"{turn * 3 + each}"))
                await in_the_end(journal)

        await asyncio.gather(*(one(number, journal) for number, journal in enumerate(journals)))
        assert (await whole(reader)).count == 300
        for number in range(4):
            mine = await reader.last(Search(user_id=number), 999)
            assert [record.why for record in mine] == [str(turn) for turn in range(75)]


class _Trouble:
    """A database that writes, and then sometimes does not say so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.comes: BaseException | None = None
        self.first = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def write(self, writes: Sequence[Write]) -> Sequence[Row]:
        trouble, self.comes = self.comes, None
        if trouble is not None and self.first:
            raise trouble
        rows = await self._database.write(writes)
        if trouble is not None:
            raise trouble
        return rows


class TestTrouble:
    """Nothing is lost or kept twice while the database comes and goes."""

    @pytest.mark.parametrize("trouble", [Busy(1.0), asyncio.CancelledError()], ids=["away", "cancelled"])
    @pytest.mark.parametrize("first", [True, False], ids=["before the commit", "after the commit"])
    async def test_what_was_not_acknowledged_is_written_once(
        self, database: Database, clock: FixedClock, reader: JournalReader, trouble: BaseException, *, first: bool
    ) -> None:
        troubled = _Trouble(database)
        journal = SqlJournal(troubled, clock, CHAIN)  # type: ignore[arg-type]
        await write(journal, 3)
        troubled.comes, troubled.first = trouble, first
        with pytest.raises(type(trouble)):
            await write(journal, 40, what="deleted")
        journal.note(Fact(what="activated"))
        await journal.write_down()
        found = [record.what for record in await everything(reader)]
        assert found == ["signed_in"] * 3 + ["deleted"] * 40 + ["activated"]
        await whole(reader)


PUT = (
    "INSERT INTO journal SELECT {id}, at, what, user_id, session_id, address, agent, why, mac FROM journal WHERE id = 5"
)
SWAP = (
    "UPDATE journal SET id = 1000 WHERE id = 4",
    "UPDATE journal SET id = 4 WHERE id = 6",
    "UPDATE journal SET id = 6 WHERE id = 1000",
)
CUT = "DELETE FROM journal WHERE id > 7"
LOWER = "UPDATE journal_head SET last_id = 7, last_mac = (SELECT mac FROM journal WHERE id = 7)"


class TestTampering:
    """Who can write the tables can spoil the journal, but not unseen."""

    @pytest.mark.parametrize(
        ("done", "first", "words"),
        [
            (["UPDATE journal SET why = 'nothing' WHERE id = 5"], 5, "changed"),
            (["UPDATE journal SET user_id = 1 WHERE id = 5"], 5, "changed"),
            (["UPDATE journal SET user_id = NULL WHERE id = 1"], 1, "changed"),
            (["UPDATE journal SET at = at + 0.001 WHERE id = 10"], 10, "changed"),
            (["UPDATE journal SET agent = 'laptop ' WHERE id = 9"], 9, "changed"),
            (["UPDATE journal SET mac = substr(mac, 33) || substr(mac, 1, 32) WHERE id = 10"], 10, "changed"),
            (["DELETE FROM journal WHERE id = 5"], 5, "missing"),
            (["DELETE FROM journal WHERE id IN (3, 4, 5)"], 3, "from here to 5"),
            (["DELETE FROM journal WHERE id < 4"], 1, "from here to 3"),
            (["DELETE FROM journal WHERE id = 5", "UPDATE journal SET id = id - 1 WHERE id = 6"], 5, "changed"),
            (SWAP, 4, "moved"),
            ([CUT], 8, "cut off"),
            ([CUT, LOWER], 8, "records may be gone"),
            (["DELETE FROM journal"], 1, "cut off"),
            (["DELETE FROM journal", "UPDATE journal_head SET last_id = 0, last_mac = ''"], 1, "records may be gone"),
            ([PUT.format(id=11)], 11, "behind the last"),
            ([PUT.format(id=11), "UPDATE journal_head SET last_id = 11"], 11, "changed"),
            ([PUT.format(id=-5)], -5, "before the first"),
            (["DELETE FROM journal WHERE id < 4", "UPDATE journal_head SET gone_id = 3"], 4, "changed"),
            (["DELETE FROM journal_head"], 11, "is gone"),
            (["UPDATE journal_head SET seal = ''"], 11, "was changed"),
        ],
    )
    async def test_the_first_record_that_does_not_fit_is_named(
        self, journal: SqlJournal, reader: JournalReader, place: Place, done: Sequence[str], first: int, words: str
    ) -> None:
        await write(journal)
        assert (await whole(reader)).count == 10
        await place.meddle(*done)
        found = await misfit(reader)
        assert found.id == first
        assert words in found.why

    async def test_without_the_key_nobody_makes_a_record_that_fits(
        self, journal: SqlJournal, reader: JournalReader, database: Database, clock: FixedClock
    ) -> None:
        await write(journal)
        forger = SqlJournal(database, clock, Chain.keyed_by("a guess"))
        await write(forger, 1)
        assert (await misfit(reader)).id == 11

    @pytest.mark.parametrize(
        "done",
        [
            [CUT, LOWER],
            ["DELETE FROM journal_head"],
            ["UPDATE journal_head SET last_id = 3"],
            [PUT.format(id=11)],
            ["DELETE FROM journal", "UPDATE journal_head SET last_id = 0, last_mac = '', seal = ''"],
        ],
        ids=["cut", "no head", "head set back", "put behind", "begun anew"],
    )
    async def test_the_journal_goes_on_and_tells_what_was_done_to_it(
        self, journal: SqlJournal, reader: JournalReader, place: Place, done: Sequence[str]
    ) -> None:
        await write(journal)
        await place.meddle(*done)
        await write(journal, 3, what="deleted")
        *_, told, one, two, three = await everything(reader)
        assert [record.what for record in (told, one, two, three)] == [BROKEN, *["deleted"] * 3]
        await misfit(reader)
        # What comes after is whole, for those who have looked into what was before.
        assert (await whole(reader, told.id)).count == 4
        await write(journal, 1)
        assert (await everything(reader))[-1].what == "signed_in"
        assert len(await reader.last(Search(what=BROKEN), 9)) == 1

    async def test_with_another_secret_nothing_fits_and_that_is_said(
        self, journal: SqlJournal, database: Database
    ) -> None:
        await write(journal)
        found = await misfit(JournalReader(database, Chain.keyed_by("another")))
        assert found.id == 1
        assert "SECRET_KEY" in found.why


class TestRetention:
    """Records go when their time is over, and the chain is whole from there."""

    async def test_what_is_too_old_goes_in_batches_and_the_rest_verifies(
        self, journal: SqlJournal, reader: JournalReader, clock: FixedClock
    ) -> None:
        await write(journal, 600)
        clock.advance(2 * DAY)
        await write(journal, 5)
        assert await journal.forget(3 * DAY) is False
        assert await journal.forget(DAY) is True
        assert (await everything(reader))[0].id == 513
        assert (await whole(reader)).count == 93
        assert await journal.forget(DAY) is False
        assert (await whole(reader)).count == 5
        await write(journal, 1)
        assert (await whole(reader)).count == 6
        clock.advance(2 * DAY)
        await journal.forget(DAY)
        assert (await whole(reader)).count == 0
        await write(journal, 1)
        assert (await whole(reader)).last_id == 607

    async def test_cutting_off_the_beginning_shows_after_retention_too(
        self, journal: SqlJournal, reader: JournalReader, clock: FixedClock, place: Place
    ) -> None:
        await write(journal, 5)
        clock.advance(2 * DAY)
        await write(journal, 5)
        await journal.forget(DAY)
        await place.meddle("DELETE FROM journal WHERE id = 6")
        assert (await misfit(reader)).id == 6

    async def test_making_a_record_old_does_not_hide_that_it_was_changed(
        self, journal: SqlJournal, reader: JournalReader, clock: FixedClock, place: Place
    ) -> None:
        await write(journal, 5)
        await place.meddle("UPDATE journal SET at = 1, why = 'nothing' WHERE id = 1")
        await journal.forget(DAY)
        await journal.write_down()
        found = await misfit(reader)
        assert found.id == 6
        assert "record 1, removed because of its age" in found.why
        clock.advance(2 * DAY)
        await journal.forget(DAY)
        await journal.write_down()
        assert (await whole(reader)).count == 0

    async def test_many_sweeping_and_writing_at_once_leave_it_whole(
        self, place: Place, journal: SqlJournal, reader: JournalReader, clock: FixedClock
    ) -> None:
        await write(journal, 1_500)
        clock.advance(2 * DAY)
        others = [SqlJournal(await place.open(), clock, CHAIN) for _ in range(3)]

        async def sweep(other: SqlJournal) -> None:
            while await other.forget(DAY):
                await write(other, 2)

        await asyncio.gather(*map(sweep, others), *(whole(reader) for _ in range(10)))
        found = await everything(reader)
        assert found[0].id == 1_501
        await whole(reader)


# --- what staff read of it -------------------------------------------------------------------------------------------


class TestSqlRecords(RecordsContract):
    """The journal in an SQLite file and in PostgreSQL."""

    @pytest.fixture
    def desk(self, database: Database, clock: FixedClock) -> Desk:
        journal = SqlJournal(database, clock, CHAIN)
        return Desk(journal=journal, records=JournalReader(database, CHAIN), settle=journal.write_down)
