"""What every outbox owes the order of mails: no link after a newer one, and nobody behind one that is stuck."""

import asyncio

import pytest

from auth_service.adapters.contracts.store import Storage, StorageContract, mail_to
from auth_service.domain.lanes import lane_of
from auth_service.domain.model import Mail, MailKind, MailState

LEASE = 60.0
HOUR = 3_600.0


async def states(storage: Storage) -> list[MailState]:
    """Return what became of all mails, in their order."""
    return [kept.state for kept in await storage.outbox.page()]


async def put_off(storage: Storage, pause: float = HOUR) -> None:
    """Claim the one mail that is due, and fail."""
    (queued,) = await storage.claim()
    await storage.outbox.failed(queued, retry_in=pause, why="busy")


class LanesContract(StorageContract):
    """Of a lane one mail is under way at a time; the older goes first, or not at all."""

    async def test_of_two_to_one_recipient_the_younger_waits_for_the_older(self, storage: Storage) -> None:
        await storage.put(mail_to("Ann@Example.org"), mail_to("ann@EXAMPLE.org"))
        (older,) = await storage.claim()
        assert older.mail.to == "Ann@Example.org"
        assert await storage.claim() == []
        await storage.outbox.sent(older)
        (younger,) = await storage.claim()
        assert younger.mail.to == "ann@EXAMPLE.org"
        await storage.outbox.sent(younger)
        assert await states(storage) == ["sent", "sent"]

    async def test_who_waits_in_a_lane_takes_no_place_from_others(self, storage: Storage) -> None:
        await storage.put(*(mail_to("stuck") for _ in range(5)), mail_to("ann"), mail_to("bob"))
        assert [queued.mail.to for queued in await storage.claim(limit=3)] == ["stuck", "ann", "bob"]

    async def test_one_that_waits_for_its_next_try_is_passed_and_never_sent_after_the_newer(
        self, storage: Storage
    ) -> None:
        await storage.put(mail_to())
        await put_off(storage)
        await storage.put(mail_to())
        (newer,) = await storage.claim()
        assert await states(storage) == ["waiting", "waiting"]
        await storage.outbox.sent(newer)
        assert await states(storage) == ["superseded", "sent"]
        await storage.pass_time(2 * HOUR)
        assert await storage.claim() == []

    async def test_one_that_is_due_again_gives_way_to_a_newer_that_is_under_way(self, storage: Storage) -> None:
        await storage.put(mail_to())
        await put_off(storage)
        await storage.put(mail_to())
        (newer,) = await storage.claim(lease=4 * HOUR)
        await storage.pass_time(2 * HOUR)
        assert await storage.claim(lease=4 * HOUR) == []
        assert await states(storage) == ["superseded", "waiting"]
        await storage.outbox.failed(newer, retry_in=0.0, why="busy")
        assert [queued.id for queued in await storage.claim()] == [newer.id]

    async def test_one_that_is_due_again_gives_way_at_once_to_a_newer_that_waits(self, storage: Storage) -> None:
        await storage.put(mail_to())
        await put_off(storage, pause=0.0)
        await storage.put(mail_to())
        assert [queued.attempts for queued in await storage.claim()] == [1]
        assert await states(storage) == ["superseded", "waiting"]

    async def test_the_letter_of_a_dead_postman_gives_way_when_it_is_taken_over(self, storage: Storage) -> None:
        await storage.put(mail_to(), mail_to())
        (older,) = await storage.claim(lease=LEASE)
        await storage.pass_time(LEASE + 1.0)
        (newer,) = await storage.claim(lease=LEASE)
        assert newer.id > older.id
        assert await states(storage) == ["superseded", "waiting"]

    async def test_where_the_newer_is_undeliverable_the_older_has_its_next_try(self, storage: Storage) -> None:
        await storage.put(mail_to())
        await put_off(storage)
        await storage.put(mail_to())
        (newer,) = await storage.claim()
        await storage.outbox.failed(newer, retry_in=None, why="no")
        await storage.pass_time(2 * HOUR)
        assert [queued.attempts for queued in await storage.claim()] == [2]

    @pytest.mark.parametrize("kind", ["confirmation", "password_changed", "username_changed", "email_changed"])
    async def test_a_notice_is_never_passed_nor_kept_waiting(self, storage: Storage, kind: MailKind) -> None:
        await storage.put(Mail(kind=kind, to="ann@example.org"))
        await put_off(storage)
        await storage.put(Mail(kind=kind, to="ann@example.org"), Mail(kind=kind, to="ann@example.org"))
        for newer in await storage.claim():
            await storage.outbox.sent(newer)
        await storage.pass_time(2 * HOUR)
        assert [queued.attempts for queued in await storage.claim()] == [2]
        assert await states(storage) == ["waiting", "sent", "sent"]

    async def test_other_kinds_other_addresses_and_mails_for_a_certain_account_are_other_lanes(
        self, storage: Storage
    ) -> None:
        mails = [
            mail_to(),
            mail_to("bob@example.org"),
            Mail(kind="password_reset", to="ann@example.org"),
            Mail(kind="username_reset", to="ann@example.org"),
            Mail(kind="activation", to="ann@example.org", user_id=1),
            Mail(kind="activation", to="ann@example.org", user_id=2),
        ]
        assert len({lane_of(mail) for mail in mails}) == len(mails)
        await storage.put(*mails)
        assert len(await storage.claim()) == len(mails)

    async def test_whatever_postmen_do_at_once_no_lane_is_in_two_hands_and_none_goes_backwards(
        self, storage: Storage
    ) -> None:
        under_way: set[str] = set()
        sent: dict[str, list[int]] = {name: [] for name in "abc"}
        writing = True

        async def postman(number: int) -> None:
            tries = number
            while writing or any(state == "waiting" for state in await states(storage)):
                for queued in await storage.claim(limit=2):
                    assert queued.mail.to not in under_way
                    under_way.add(queued.mail.to)
                    await asyncio.sleep(0)
                    tries += 1
                    under_way.remove(queued.mail.to)
                    if tries % 3:
                        await storage.outbox.failed(queued, retry_in=0.0, why="busy")
                    else:
                        sent[queued.mail.to].append(queued.id)
                        await storage.outbox.sent(queued)

        async with asyncio.timeout(60.0), asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(postman(number))
            for _ in range(20):
                await storage.put(*(mail_to(name) for name in sent))
                await asyncio.sleep(0)
            writing = False
        assert all(ids and ids == sorted(ids) for ids in sent.values())
        last = [max(kept.id for kept in await storage.outbox.page() if kept.mail.to == name) for name in sent]
        assert [ids[-1] for ids in sent.values()] == last
