"""What every store owes: all of a unit of work or nothing, whoever else writes at the same time.

A storage adapter runs all suites from one class, in a project whose pytest-asyncio runs in `auto` mode:

class TestMyStorage(UsersContract, SessionsContract, FamiliarContract, OutboxContract, StoreContract):
    @pytest.fixture
    async def storage(self) -> AsyncIterator[Storage]: ...
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from auth_service.domain.errors import AlreadyTaken, Conflict
from auth_service.domain.model import Mail, NewUser, QueuedMail, Session, User
from auth_service.domain.ports.familiar import Familiar
from auth_service.domain.ports.outbox import Outbox
from auth_service.domain.ports.sessions import Attendance, Sessions
from auth_service.domain.ports.store import Store, UnitOfWork
from auth_service.domain.ports.users import Users

# With a fraction that is no round binary number: times are kept to the last bit, for links are proven over them.
START = 2_000_000_000.123456
CROWD = 20


async def _nothing_to_settle() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The ports of one storage, empty at first.

    `pass_time` makes the time that leases and retries are measured by go on. `settle` returns when what may be written
    later (attendance) is written.
    """

    store: Store
    users: Users
    sessions: Sessions
    familiar: Familiar
    outbox: Outbox
    attendance: Attendance
    pass_time: Callable[[float], Awaitable[None]]
    settle: Callable[[], Awaitable[None]] = _nothing_to_settle

    async def add(self, name: str = "ann", **changes: Any) -> User:  # noqa: ANN401 - as `replace` has it
        """Store an account and return it as it was stored."""
        work = self.store.begin()
        work.users.add(newcomer(name, **changes))
        await work.commit()
        user = await self.users.by_id(work.new_user_id)
        assert user is not None
        return user

    async def save(self, user: User) -> User:
        """Write an account and return it as it was stored."""
        work = self.store.begin()
        work.users.save(user)
        await work.commit()
        stored = await self.users.by_id(user.id)
        assert stored is not None
        return stored

    async def remove(self, user: User) -> None:
        """Remove an account."""
        work = self.store.begin()
        work.users.remove(user)
        await work.commit()

    async def open(self, session: Session) -> Session:
        """Store a session."""
        owner = await self.users.by_id(session.user_id)
        work = self.store.begin()
        work.sessions.open(session, stamp=owner.stamp if owner else "")
        await work.commit()
        return session

    async def put(self, *mails: Mail) -> None:
        """Queue mails, in one unit of work."""
        work = self.store.begin()
        for each in mails:
            work.outbox.put(each)
        await work.commit()

    async def claim(self, limit: int = 100, lease: float = 60.0) -> list[QueuedMail]:
        """Take what is due."""
        return list(await self.outbox.claim(limit=limit, lease=lease))

    async def outcomes(self, decide: Callable[[UnitOfWork, int], object], crowd: int = CROWD) -> Counter[str]:
        """Commit many units of work at once; `decide` fills each. Return how often each outcome came."""

        async def commit(number: int) -> str:
            work = self.store.begin()
            decide(work, number)
            try:
                await work.commit()
            except (AlreadyTaken, Conflict) as refusal:
                return type(refusal).__name__
            return "won"

        return Counter(await asyncio.gather(*(commit(number) for number in range(crowd))))


def newcomer(name: str = "ann", **changes: Any) -> NewUser:  # noqa: ANN401 - as `replace` has it
    """Return an account to add, with a name and an address of its own."""
    new = NewUser(
        username=name,
        email=f"{name}@example.org",
        password_hash=f"hash of {name}",
        state="active",
        stamp=f"stamp of {name}",
        created_at=START,
    )
    return replace(new, **changes)


def sign_in(user: User, session_id: str = "s1", **changes: Any) -> Session:  # noqa: ANN401 - as `replace` has it
    """Return a session to open."""
    session = Session(
        id=session_id,
        user_id=user.id,
        kind="jwt",
        created_at=START,
        last_seen_at=START,
        expires_at=START + 1_000.0,
        refresh_id=f"refresh of {session_id}",
    )
    return replace(session, **changes)


def mail_to(address: str = "ann@example.org") -> Mail:
    """Return a mail to queue."""
    return Mail(kind="activation", to=address, at=START)


class StorageContract:
    """Wants a storage to look at."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Give an empty storage. Override this, with a fixture that is asynchronous or not."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")


Fault = Callable[[UnitOfWork, User, Session], None]


def _takes_a_name(work: UnitOfWork, user: User, _: Session) -> None:
    work.users.add(newcomer("other", username=user.username))


def _takes_an_address(work: UnitOfWork, user: User, _: Session) -> None:
    work.users.add(newcomer("other", email=user.email))


def _saves_what_has_changed(work: UnitOfWork, user: User, _: Session) -> None:
    work.users.save(replace(user, version=user.version - 1, stamp="late"))


def _removes_what_has_changed(work: UnitOfWork, user: User, _: Session) -> None:
    work.users.remove(replace(user, version=user.version - 1))


def _opens_for_nobody(work: UnitOfWork, user: User, _: Session) -> None:
    work.sessions.open(sign_in(replace(user, id=user.id + 1_000), "nobody's"), stamp=user.stamp)


def _rotates_a_spent_token(work: UnitOfWork, _: User, session: Session) -> None:
    work.sessions.rotate(session.id, spent="spent", successor="next", at=START, expires_at=START)


def _revokes_where_nothing_is(work: UnitOfWork, _: User, __: Session) -> None:
    work.sessions.revoke_refresh("gone", expires_at=START)


def _revokes_again(work: UnitOfWork, _: User, __: Session) -> None:
    work.sessions.revoke_foreign("foreign", expires_at=START)


def _arrives_where_somebody_else_has(work: UnitOfWork, user: User, _: Session) -> None:
    work.familiar.arrive(user.id, "a place", START, seen_at=START - 1.0)


FAULTS: list[Fault] = [
    _arrives_where_somebody_else_has,
    _takes_a_name,
    _takes_an_address,
    _saves_what_has_changed,
    _removes_what_has_changed,
    _opens_for_nobody,
    _rotates_a_spent_token,
    _revokes_where_nothing_is,
    _revokes_again,
]


class StoreContract(StorageContract):
    """A unit of work is written whole and on request, or not at all."""

    async def test_nothing_is_written_without_a_commit(self, storage: Storage) -> None:
        work = storage.store.begin()
        work.users.add(newcomer())
        work.outbox.put(mail_to())
        work.sessions.revoke_foreign("foreign", expires_at=START)

        assert await storage.users.page() == []
        assert await storage.claim() == []
        assert not await storage.sessions.is_revoked("foreign")

    async def test_a_commit_writes_everything(self, storage: Storage) -> None:
        user = await storage.add()
        work = storage.store.begin()
        work.users.save(replace(user, stamp="new"))
        work.users.add(newcomer("bob"))
        work.sessions.open(sign_in(user), stamp="new")
        work.sessions.revoke_foreign("foreign", expires_at=START)
        work.outbox.put(mail_to())
        await work.commit()

        assert [(found.username, found.stamp) for found in await storage.users.page()] == [
            ("ann", "new"),
            ("bob", "stamp of bob"),
        ]
        assert await storage.sessions.of_user(user.id) == [sign_in(user)]
        assert await storage.sessions.is_revoked("foreign")
        assert [queued.mail for queued in await storage.claim()] == [mail_to()]

    async def test_the_id_of_a_new_account_is_known_after_the_commit(self, storage: Storage) -> None:
        work = storage.store.begin()
        work.users.add(newcomer())
        assert work.new_user_id == 0
        await work.commit()

        found = await storage.users.by_username("ann")
        assert found is not None
        assert work.new_user_id == found.id

    async def test_an_account_that_was_refused_has_no_id(self, storage: Storage) -> None:
        await storage.add()
        work = storage.store.begin()
        work.users.add(newcomer())
        with pytest.raises(AlreadyTaken):
            await work.commit()
        assert work.new_user_id == 0

    async def test_an_empty_unit_of_work_commits(self, storage: Storage) -> None:
        await storage.store.begin().commit()

    @pytest.mark.parametrize("at_once", ["first", "last"])
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_one_write_that_fails_takes_all_others_with_it(
        self, storage: Storage, fault: Fault, at_once: str
    ) -> None:
        user = await storage.save(await storage.add())
        session = await storage.open(sign_in(user))
        before = storage.store.begin()
        before.sessions.revoke_foreign("foreign", expires_at=START)
        before.familiar.arrive(user.id, "a place", START - 2.0, seen_at=0.0)
        await before.commit()

        work = storage.store.begin()
        if at_once == "first":
            fault(work, user, session)
        work.users.add(newcomer("carl"))
        work.sessions.open(sign_in(user, "s2"), stamp=user.stamp)
        work.sessions.end(session.id)
        work.sessions.revoke_foreign("another", expires_at=START)
        work.outbox.put(mail_to())
        if at_once == "last":
            fault(work, user, session)
        with pytest.raises((AlreadyTaken, Conflict)):
            await work.commit()

        assert await storage.users.page() == [user]
        assert await storage.sessions.of_user(user.id) == [session]
        assert not await storage.sessions.is_revoked("another")
        assert await storage.claim() == []

    async def test_a_refusal_leaves_the_store_in_order(self, storage: Storage) -> None:
        await storage.add()
        with pytest.raises(AlreadyTaken):
            await storage.add()
        await storage.add("bob")
        assert [user.username for user in await storage.users.page()] == ["ann", "bob"]

    async def test_of_many_newcomers_with_one_name_one_is_mailed(self, storage: Storage) -> None:
        def decide(work: UnitOfWork, number: int) -> None:
            work.users.add(newcomer(email=f"ann{number}@example.org"))
            work.outbox.put(mail_to(f"ann{number}@example.org"))

        assert await storage.outcomes(decide) == {"won": 1, "AlreadyTaken": CROWD - 1}
        (winner,) = await storage.users.page()
        assert [queued.mail.to for queued in await storage.claim()] == [winner.email]

    async def test_a_unit_that_fails_harms_none_of_those_committed_with_it(self, storage: Storage) -> None:
        await storage.add()

        def decide(work: UnitOfWork, number: int) -> None:
            work.outbox.put(mail_to(f"n{number}@example.org"))
            work.users.add(newcomer(f"n{number}") if number % 2 else newcomer("ANN", email=f"n{number}@example.org"))

        assert await storage.outcomes(decide) == {"won": CROWD / 2, "AlreadyTaken": CROWD / 2}
        added = {f"n{number}@example.org" for number in range(CROWD) if number % 2}
        assert {user.email for user in await storage.users.page()} == {"ann@example.org", *added}
        assert {queued.mail.to for queued in await storage.claim()} == added

    async def test_no_session_survives_an_account_that_goes_while_people_sign_in(self, storage: Storage) -> None:
        user = await storage.add()

        def decide(work: UnitOfWork, number: int) -> None:
            if number == CROWD // 2:
                work.users.remove(user)
            else:
                work.sessions.open(sign_in(user, f"s{number}"), stamp=user.stamp)

        await storage.outcomes(decide)
        assert await storage.users.by_id(user.id) is None
        assert await storage.sessions.of_user(user.id) == []
        assert [await storage.sessions.with_user(f"s{number}") for number in range(CROWD)] == [None] * CROWD
