"""What every outbox owes: each mail to one postman at a time, until somebody says what became of it."""

import asyncio
from collections.abc import Iterable
from typing import get_args

import pytest

from auth_service.adapters.contracts.lanes import LanesContract
from auth_service.adapters.contracts.store import START, Storage, mail_to
from auth_service.domain.model import Mail, MailKind, QueuedMail

# Time may run by itself in a database: a second too early and a second too late are told apart, no less.
LEASE = 60.0
A_MOMENT = 1.0


def recipients(mails: Iterable[QueuedMail]) -> list[str]:
    """Return to whom these mails go."""
    return [queued.mail.to for queued in mails]


class OutboxContract(LanesContract):
    """A mail waits until it is claimed, and is claimed again until it was sent or given up."""

    async def test_a_mail_is_handed_out_as_it_was_put(self, storage: Storage) -> None:
        ann = await storage.add()
        mails = [
            Mail(
                kind=kind,
                to="Ünï\r\nBcc: eve@exämple.org",
                user_id=user_id,
                address="2001:db8::1",
                agent="<b>{{ 7 * 7 }}</b>",
                at=START + 0.1,
                language="ar",
            )
            for kind in get_args(MailKind)
            for user_id in (None, ann.id)
        ]
        await storage.put(*mails)
        claimed = await storage.claim()
        assert [queued.mail for queued in claimed] == mails
        assert {queued.attempts for queued in claimed} == {1}

    async def test_nothing_is_due_where_nothing_was_put(self, storage: Storage) -> None:
        assert await storage.claim() == []

    async def test_every_mail_has_a_name_of_its_own(self, storage: Storage) -> None:
        await storage.put(mail_to("a"), mail_to("b"), mail_to("c"))
        claimed = await storage.claim()
        assert len({queued.message_id for queued in claimed}) == 3
        assert len({queued.id for queued in claimed}) == 3

    async def test_the_oldest_go_first_and_no_more_than_asked_for(self, storage: Storage) -> None:
        for name in "abcde":
            await storage.put(mail_to(name))
            await storage.pass_time(A_MOMENT)
        assert recipients(await storage.claim(limit=2)) == ["a", "b"]
        assert recipients(await storage.claim(limit=2)) == ["c", "d"]
        assert recipients(await storage.claim(limit=2)) == ["e"]
        assert recipients(await storage.claim(limit=2)) == []

    async def test_a_claimed_mail_is_nobody_elses_until_the_lease_runs_out(self, storage: Storage) -> None:
        await storage.put(mail_to())
        (first,) = await storage.claim(lease=LEASE)
        await storage.pass_time(LEASE - A_MOMENT)
        assert await storage.claim() == []
        await storage.pass_time(2 * A_MOMENT)
        (second,) = await storage.claim(lease=LEASE)
        assert (second.id, second.message_id, second.mail) == (first.id, first.message_id, first.mail)
        assert (first.attempts, second.attempts) == (1, 2)

    async def test_a_mail_that_went_out_is_not_handed_out_again(self, storage: Storage) -> None:
        await storage.put(mail_to("a"), mail_to("b"))
        first, _ = await storage.claim()
        await storage.outbox.sent(first)
        await storage.pass_time(10 * LEASE)
        assert recipients(await storage.claim()) == ["b"]

    async def test_a_mail_that_failed_is_due_again_after_its_pause(self, storage: Storage) -> None:
        await storage.put(mail_to())
        (first,) = await storage.claim(lease=LEASE)
        await storage.outbox.failed(first, retry_in=30.0, why="busy")
        await storage.pass_time(30.0 - A_MOMENT)
        assert await storage.claim() == []
        await storage.pass_time(2 * A_MOMENT)
        (second,) = await storage.claim()
        assert (second.message_id, second.attempts) == (first.message_id, 2)

    async def test_a_pause_longer_than_the_lease_is_kept(self, storage: Storage) -> None:
        await storage.put(mail_to())
        (first,) = await storage.claim(lease=LEASE)
        await storage.outbox.failed(first, retry_in=10 * LEASE, why="busy")
        await storage.pass_time(9 * LEASE)
        assert await storage.claim() == []
        await storage.pass_time(2 * LEASE)
        assert len(await storage.claim()) == 1

    async def test_a_mail_that_waits_holds_up_none_that_is_due(self, storage: Storage) -> None:
        await storage.put(mail_to("bad"))
        (bad,) = await storage.claim()
        await storage.outbox.failed(bad, retry_in=3_600.0, why="busy")
        await storage.put(mail_to("good"))
        assert recipients(await storage.claim(limit=1)) == ["good"]

    async def test_an_undeliverable_mail_is_never_handed_out_again(self, storage: Storage) -> None:
        await storage.put(mail_to())
        (first,) = await storage.claim()
        await storage.outbox.failed(first, retry_in=None, why="no such mailbox, says the server: " + "ü" * 2_000)
        await storage.pass_time(1_000 * LEASE)
        assert await storage.claim() == []

    async def test_attempts_are_counted_at_every_claim(self, storage: Storage) -> None:
        await storage.put(mail_to())
        counted = []
        for _ in range(4):
            (queued,) = await storage.claim(lease=LEASE)
            counted.append(queued.attempts)
            if queued.attempts % 2:
                await storage.outbox.failed(queued, retry_in=0.0, why="busy")
            else:
                await storage.pass_time(LEASE + A_MOMENT)
        assert counted == [1, 2, 3, 4]

    async def test_two_postmen_never_share_a_mail(self, storage: Storage) -> None:
        await storage.put(*(mail_to(str(number)) for number in range(25)))
        hands = await asyncio.gather(*(storage.claim(limit=4) for _ in range(8)))
        claimed = [queued.id for hand in hands for queued in hand]
        assert len(claimed) == len(set(claimed)) == 25
        assert max(map(len, hands)) <= 4

    async def test_who_reports_a_failure_too_late_frees_nothing_that_another_holds(self, storage: Storage) -> None:
        await storage.put(mail_to())
        (slow,) = await storage.claim(lease=LEASE)
        await storage.pass_time(LEASE + A_MOMENT)
        assert len(await storage.claim(lease=LEASE)) == 1
        await storage.outbox.failed(slow, retry_in=0.0, why="the network hung")
        assert await storage.claim() == []
        await storage.outbox.failed(slow, retry_in=None, why="the network hung")
        await storage.pass_time(LEASE + A_MOMENT)
        assert len(await storage.claim()) == 1

    async def test_a_mail_went_out_whoever_says_so_and_stays_out(self, storage: Storage) -> None:
        await storage.put(mail_to())
        (slow,) = await storage.claim(lease=LEASE)
        await storage.pass_time(LEASE + A_MOMENT)
        (quick,) = await storage.claim(lease=LEASE)
        await storage.outbox.sent(slow)
        await storage.outbox.sent(slow)
        await storage.outbox.failed(quick, retry_in=0.0, why="sent twice, says the server")
        await storage.pass_time(10 * LEASE)
        assert await storage.claim() == []

    async def test_a_mail_outlives_the_account_it_is_about(self, storage: Storage) -> None:
        ann = await storage.add()
        await storage.put(Mail(kind="password_changed", to=ann.email, user_id=ann.id))
        await storage.remove(ann)
        assert recipients(await storage.claim()) == [ann.email]

    async def test_whoever_waits_is_woken_by_a_mail(self, storage: Storage) -> None:
        async with asyncio.timeout(5.0):
            waiting = asyncio.create_task(storage.outbox.wait(60.0))
            await asyncio.sleep(0.01)
            await storage.put(mail_to())
            await waiting
        assert len(await storage.claim()) == 1

    async def test_a_mail_queued_just_before_is_not_slept_through(self, storage: Storage) -> None:
        assert await storage.claim() == []
        await storage.put(mail_to())
        async with asyncio.timeout(5.0):
            await storage.outbox.wait(60.0)

    async def test_waiting_ends_without_a_mail_too(self, storage: Storage) -> None:
        async with asyncio.timeout(5.0):
            await storage.outbox.wait(0.01)
        assert await storage.claim() == []

    async def test_what_became_of_each_mail_can_be_seen(self, storage: Storage) -> None:
        await storage.put(*(mail_to(name) for name in "abcde"))
        sent, dead, busy, held = await storage.claim(limit=4)
        await storage.outbox.sent(sent)
        await storage.outbox.failed(dead, retry_in=None, why="no such mailbox")
        await storage.outbox.failed(busy, retry_in=30.0, why="busy")
        kept = await storage.outbox.page()
        assert [(mail.id, mail.message_id, mail.mail) for mail in kept[:4]] == [
            (queued.id, queued.message_id, queued.mail) for queued in (sent, dead, busy, held)
        ]
        assert [(mail.state, mail.held, mail.attempts, mail.why) for mail in kept] == [
            ("sent", False, 1, ""),
            ("dead", False, 1, "no such mailbox"),
            ("waiting", False, 1, "busy"),
            ("waiting", True, 1, ""),
            ("waiting", False, 0, ""),
        ]
        assert A_MOMENT < kept[2].due_at - kept[4].due_at < 60.0
        assert await storage.outbox.page(after=sent.id, limit=2) == kept[1:3]
        assert await storage.outbox.page(state="waiting", after=busy.id) == kept[3:]
        assert await storage.outbox.page(state="dropped") == []
        assert await storage.outbox.kept(dead.id) == kept[1]
        assert await storage.outbox.kept(10**6) is None

    @pytest.mark.parametrize("pause", [None, 3_600.0])
    async def test_a_mail_that_is_retried_is_due_at_once_under_its_name_with_its_tries_counted_anew(
        self, storage: Storage, pause: float | None
    ) -> None:
        await storage.put(mail_to())
        (failed,) = await storage.claim()
        await storage.outbox.failed(failed, retry_in=pause, why="busy")
        assert await storage.outbox.retry(failed.id)
        (again,) = await storage.claim()
        assert (again.id, again.message_id, again.attempts) == (failed.id, failed.message_id, 1)
        await storage.outbox.sent(again)
        assert [kept.state for kept in await storage.outbox.page()] == ["sent"]

    @pytest.mark.parametrize("pause", [None, 0.0])
    async def test_a_mail_that_is_dropped_never_goes_out(self, storage: Storage, pause: float | None) -> None:
        await storage.put(mail_to())
        (failed,) = await storage.claim()
        await storage.outbox.failed(failed, retry_in=pause, why="busy")
        assert await storage.outbox.drop(failed.id)
        assert await storage.claim() == []
        assert [kept.state for kept in await storage.outbox.page()] == ["dropped"]

    async def test_what_is_held_sent_dropped_or_unknown_is_left_as_it_is(self, storage: Storage) -> None:
        await storage.put(*(mail_to(name) for name in "abc"))
        held, sent, dropped = await storage.claim()
        await storage.outbox.sent(sent)
        await storage.outbox.failed(dropped, retry_in=60.0, why="busy")
        await storage.outbox.drop(dropped.id)
        before = await storage.outbox.page()
        for mail_id in (held.id, sent.id, dropped.id, 10**6):
            assert not await storage.outbox.retry(mail_id)
            assert not await storage.outbox.drop(mail_id)
        assert await storage.outbox.page() == before
        assert await storage.claim() == []
