"""What every storage of sign-ins owes: what has ended is gone, and each refresh token is spent once."""

import pytest
from msgspec.structs import replace

from auth_service.adapters.contracts.store import CROWD, START, Storage, StorageContract, sign_in
from auth_service.domain.errors import Conflict
from auth_service.domain.model import Session, SessionKind, User

ODD_TEXTS = ["", " ", "nothing", "%", "S1", "'; --", "ümläut", "x" * 1_000]


async def stored(storage: Storage, session_id: str = "s1") -> Session | None:
    """Return a session as it is kept."""
    found = await storage.sessions.with_user(session_id)
    return found and found[0]


async def rotate(storage: Storage, spent: str, successor: str, session_id: str = "s1") -> None:
    """Put a refresh token in the place of another."""
    work = storage.store.begin()
    work.sessions.rotate(session_id, spent=spent, successor=successor, at=START + 5.5, expires_at=START + 2_000.5)
    await work.commit()


async def revoke(storage: Storage, session_id: str = "s1") -> None:
    """Take a session's refresh token away."""
    work = storage.store.begin()
    work.sessions.revoke_refresh(session_id, expires_at=START + 7.5)
    await work.commit()


async def revoke_foreign(storage: Storage, token_id: str) -> None:
    """Revoke a token minted elsewhere."""
    work = storage.store.begin()
    work.sessions.revoke_foreign(token_id, expires_at=START + 1_000.0)
    await work.commit()


class SessionsContract(StorageContract):
    """A session is found until it ends, and ends for good."""

    @pytest.fixture
    async def ann(self, storage: Storage) -> User:
        """Give somebody who may sign in."""
        return await storage.add()

    async def test_a_session_is_found_with_its_account_as_it_was_opened(self, storage: Storage, ann: User) -> None:
        session = Session(
            id="s1",
            user_id=ann.id,
            kind="jwt",
            created_at=START + 0.1,
            last_seen_at=START + 0.2,
            expires_at=START + 0.3,
            address="2001:db8::1",
            agent="Ünï/1.0 (名前)",
            refresh_id="r2",
            spent_refresh_id="r1",
            rotated_at=START + 0.4,
            refresh_revoked=True,
        )
        await storage.open(session)
        assert await storage.sessions.with_user("s1") == (session, ann)

    async def test_an_opaque_session_is_found_by_the_hash_of_its_token(self, storage: Storage, ann: User) -> None:
        opaque = sign_in(ann, kind="opaque", token_hash="hash", expires_at=None, refresh_id=None)
        await storage.open(opaque)
        await storage.open(sign_in(ann, "s2"))
        assert await storage.sessions.by_token("hash") == (opaque, ann)
        assert await storage.sessions.with_user("s1") == (opaque, ann)

    @pytest.mark.parametrize("text", ODD_TEXTS)
    async def test_what_never_was_is_not_found(self, storage: Storage, ann: User, text: str) -> None:
        await storage.open(sign_in(ann))
        assert await storage.sessions.with_user(text) is None
        assert await storage.sessions.by_token(text) is None
        assert not await storage.sessions.is_revoked(text)

    async def test_a_session_comes_with_the_account_as_it_is_now(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await storage.open(sign_in(ann, "s2", kind="opaque", token_hash="hash"))
        now = await storage.save(replace(ann, state="deactivated", stamp="new"))
        assert await storage.sessions.with_user("s1") == (sign_in(ann), now)
        found = await storage.sessions.by_token("hash")
        assert found is not None
        assert found[1] == now

    async def test_a_persons_sessions_come_newest_first_and_nobody_elses(self, storage: Storage, ann: User) -> None:
        bob = await storage.add("bob")
        await storage.open(sign_in(bob, "bob's"))
        for name, age in (("middle", 20.0), ("newest", 10.0), ("oldest", 30.0)):
            await storage.open(sign_in(ann, name, created_at=START - age, last_seen_at=START + age))
        assert [session.id for session in await storage.sessions.of_user(ann.id)] == ["newest", "middle", "oldest"]
        assert [session.id for session in await storage.sessions.of_user(bob.id)] == ["bob's"]
        assert await storage.sessions.of_user(bob.id + 1) == []

    async def test_nobody_can_sign_in_to_an_account_that_is_gone(self, storage: Storage, ann: User) -> None:
        await storage.remove(ann)
        with pytest.raises(Conflict):
            await storage.open(sign_in(ann))
        assert await stored(storage) is None

    async def test_nobody_signs_in_on_what_is_no_longer_true_of_an_account(self, storage: Storage, ann: User) -> None:
        work = storage.store.begin()
        work.sessions.open(sign_in(ann), stamp=f"{ann.stamp}, as it was before")
        with pytest.raises(Conflict):
            await work.commit()
        await storage.save(replace(ann, state="deactivated"))
        with pytest.raises(Conflict):
            await storage.open(sign_in(ann))
        assert await stored(storage) is None

    async def test_sessions_go_with_their_account(self, storage: Storage, ann: User) -> None:
        bob = await storage.add("bob")
        await storage.open(sign_in(bob, "bob's"))
        await storage.open(sign_in(ann))
        await storage.open(sign_in(ann, "s2", kind="opaque", token_hash="hash"))
        await storage.remove(ann)

        assert await storage.sessions.with_user("s1") is None
        assert await storage.sessions.by_token("hash") is None
        assert await storage.sessions.of_user(ann.id) == []
        assert await stored(storage, "bob's") == sign_in(bob, "bob's")

    async def test_rotation_puts_the_successor_in_place(self, storage: Storage, ann: User) -> None:
        session = await storage.open(sign_in(ann))
        other = await storage.open(sign_in(ann, "s2"))
        await rotate(storage, "refresh of s1", "next")
        assert await stored(storage) == replace(
            session,
            refresh_id="next",
            spent_refresh_id="refresh of s1",
            rotated_at=START + 5.5,
            expires_at=START + 2_000.5,
        )
        assert await stored(storage, "s2") == other

    async def test_only_the_live_token_can_be_rotated(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await rotate(storage, "refresh of s1", "next")
        before = await stored(storage)
        for spent in ("refresh of s1", "", "never was"):
            with pytest.raises(Conflict):
                await rotate(storage, spent, "another")
        assert await stored(storage) == before
        await rotate(storage, "next", "last")

    async def test_a_session_that_is_gone_is_not_rotated(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        with pytest.raises(Conflict):
            await rotate(storage, "refresh of s1", "next", session_id="s2")
        assert await stored(storage) == sign_in(ann)

    async def test_a_revoked_token_is_not_rotated(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await revoke(storage)
        with pytest.raises(Conflict):
            await rotate(storage, "refresh of s1", "next")

    async def test_of_many_rotations_one_wins(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        outcomes = await storage.outcomes(
            lambda work, number: work.sessions.rotate(
                "s1", spent="refresh of s1", successor=f"next {number}", at=START, expires_at=START
            )
        )
        assert outcomes == {"won": 1, "Conflict": CROWD - 1}
        session = await stored(storage)
        assert session is not None
        assert session.spent_refresh_id == "refresh of s1"

    async def test_revoking_takes_the_refresh_token_and_sets_an_end(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await storage.open(sign_in(ann, "s2"))
        await revoke(storage)
        session = await stored(storage)
        assert session is not None
        assert (session.refresh_revoked, session.expires_at) == (True, START + 7.5)
        assert await stored(storage, "s2") == sign_in(ann, "s2")

    async def test_what_was_revoked_or_is_gone_cannot_be_revoked(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await revoke(storage)
        for session_id in ("s1", "never was"):
            with pytest.raises(Conflict):
                await revoke(storage, session_id)

    async def test_of_many_revocations_one_wins(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        outcomes = await storage.outcomes(lambda work, _: work.sessions.revoke_refresh("s1", expires_at=START))
        assert outcomes == {"won": 1, "Conflict": CROWD - 1}

    async def test_of_rotation_and_revocation_at_once_revocation_stands(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await storage.outcomes(
            lambda work, number: (
                work.sessions.revoke_refresh("s1", expires_at=START)
                if number % 2
                else work.sessions.rotate("s1", spent="refresh of s1", successor="next", at=START, expires_at=START)
            )
        )
        session = await stored(storage)
        assert session is not None
        assert session.refresh_revoked

    async def test_a_foreign_token_is_revoked_once(self, storage: Storage) -> None:
        assert not await storage.sessions.is_revoked("foreign")
        await revoke_foreign(storage, "foreign")
        assert await storage.sessions.is_revoked("foreign")
        assert not await storage.sessions.is_revoked("FOREIGN")
        with pytest.raises(Conflict):
            await revoke_foreign(storage, "foreign")
        assert await storage.sessions.is_revoked("foreign")

    async def test_of_many_revocations_of_a_foreign_token_one_wins(self, storage: Storage) -> None:
        outcomes = await storage.outcomes(lambda work, _: work.sessions.revoke_foreign("foreign", expires_at=START))
        assert outcomes == {"won": 1, "Conflict": CROWD - 1}

    async def test_the_longest_id_a_token_may_have_is_kept_whole(self, storage: Storage) -> None:
        await revoke_foreign(storage, "x" * 255)
        assert await storage.sessions.is_revoked("x" * 255)
        assert not await storage.sessions.is_revoked("x" * 254)

    async def test_a_session_that_was_ended_is_gone_and_ending_it_again_does_nothing(
        self, storage: Storage, ann: User
    ) -> None:
        await storage.open(sign_in(ann, kind="opaque", token_hash="hash"))
        other = await storage.open(sign_in(ann, "s2"))
        for _ in range(2):
            work = storage.store.begin()
            work.sessions.end("s1")
            await work.commit()
            assert await storage.sessions.with_user("s1") is None
            assert await storage.sessions.by_token("hash") is None
            assert await storage.sessions.of_user(ann.id) == [other]

    @pytest.mark.parametrize(
        ("but", "kind", "left"),
        [
            (None, None, set()),
            ("j1", None, {"j1"}),
            ("o1", None, {"o1"}),
            ("never was", None, set()),
            ("bob's", None, set()),
            (None, "opaque", {"j1", "j2"}),
            (None, "jwt", {"o1", "o2"}),
            ("j1", "jwt", {"j1", "o1", "o2"}),
            ("j1", "opaque", {"j1", "j2"}),
        ],
    )
    async def test_a_persons_sessions_end_together(
        self, storage: Storage, ann: User, but: str | None, kind: SessionKind | None, left: set[str]
    ) -> None:
        bob = await storage.add("bob")
        await storage.open(sign_in(bob, "bob's"))
        for name in ("j1", "j2"):
            await storage.open(sign_in(ann, name))
        for name in ("o1", "o2"):
            await storage.open(sign_in(ann, name, kind="opaque", token_hash=name, expires_at=None))
        work = storage.store.begin()
        work.sessions.end_all(ann.id, but=but, kind=kind)
        await work.commit()
        assert {session.id for session in await storage.sessions.of_user(ann.id)} == left
        assert await stored(storage, "bob's") == sign_in(bob, "bob's")

    async def test_ending_the_sessions_of_somebody_without_any_does_nothing(self, storage: Storage, ann: User) -> None:
        work = storage.store.begin()
        work.sessions.end_all(ann.id)
        work.sessions.end_all(ann.id + 1)
        await work.commit()

    async def test_of_many_who_end_a_session_once_one_does(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await storage.open(sign_in(ann, "s2"))
        outcomes = await storage.outcomes(lambda work, _: work.sessions.end_once("s1"))
        assert outcomes == {"won": 1, "Conflict": CROWD - 1}
        assert [session.id for session in await storage.sessions.of_user(ann.id)] == ["s2"]

    async def test_everybodys_sessions_end_and_their_tokens_are_dated(self, storage: Storage, ann: User) -> None:
        bob = await storage.save(replace(await storage.add("bob"), tokens_from=START + 9.25))
        await storage.open(sign_in(ann))
        await storage.open(sign_in(bob, "s2", kind="opaque", token_hash="hash"))
        work = storage.store.begin()
        work.sessions.end_everybodys(START + 5.25)
        await work.commit()
        assert await stored(storage) is None
        assert await storage.sessions.by_token("hash") is None
        now = await storage.users.by_id(ann.id)
        # Whoever read the account before must look again: what they would write back is older.
        assert now == replace(ann, tokens_from=START + 5.25, version=ann.version + 1)
        assert await storage.users.by_id(bob.id) == bob

    async def test_when_a_session_was_last_used_is_kept(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        await storage.open(sign_in(ann, "s2"))
        storage.attendance.seen("s1", START + 100.25)
        storage.attendance.seen("s1", START + 200.25)
        await storage.settle()
        assert await stored(storage) == sign_in(ann, last_seen_at=START + 200.25)
        assert await stored(storage, "s2") == sign_in(ann, "s2")

    async def test_a_session_that_has_ended_does_not_come_back_by_being_seen(self, storage: Storage, ann: User) -> None:
        await storage.open(sign_in(ann))
        storage.attendance.seen("s1", START + 100.0)
        work = storage.store.begin()
        work.sessions.end("s1")
        await work.commit()
        storage.attendance.seen("s1", START + 200.0)
        storage.attendance.seen("never was", START + 200.0)
        await storage.settle()
        assert await storage.sessions.of_user(ann.id) == []
