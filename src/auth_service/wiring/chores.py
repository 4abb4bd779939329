"""Chores: what a service does beside answering, each in a task of its own, until it is told to stop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from auth_service.domain.errors import Busy
from auth_service.domain.model import QueuedMail
from auth_service.domain.post import HANDS
from auth_service.wiring.works import Works

_FINISHES_WITHIN = 5.0
_LOOK_FOR_MAIL_EVERY = 1.0
_NEXT_MAIL_AFTER = 0.1
# What a process that is killed had noted and not written down is lost.
_RECORD_EVERY = 0.5
_LOOK_FOR_KEYS_EVERY = 20.0
# Often, so that what has run out meanwhile is little, however many sign in: the file grows by that, and by no more.
_SWEEP_EVERY = 1.0
_SWEEP_PAUSE = 0.02
_WRITE_ATTENDANCE_EVERY_ROUNDS = 20
_MEND_EVERY_ROUNDS = 30
_FORGET_EVERY_ROUNDS = 60
_log = logging.getLogger("auth_service")


@asynccontextmanager
async def at_work(works: Works) -> AsyncIterator[None]:
    """Keep all chores going; when told to stop, what is being done is finished first."""
    stopping = asyncio.Event()
    chores = [
        asyncio.create_task(chore)
        for chore in (
            _deliver(works, stopping),
            _every(_SWEEP_EVERY, _upkeep(works, stopping), stopping),
            _every(_RECORD_EVERY, works.journal.write_down, stopping),
            # Apart from the upkeep, which may have much to remove: a key that signs elsewhere must not wait for that.
            _every(_LOOK_FOR_KEYS_EVERY, works.keys.look, stopping),
        )
    ]
    try:
        yield
    finally:
        stopping.set()
        works.outbox.wake()
        # A mail server that hangs must not hold the whole process up: the lease runs out, and the mail is sent again.
        _, late = await asyncio.wait(chores, timeout=_FINISHES_WITHIN)
        for task in late:
            task.cancel()
        await asyncio.gather(*chores, return_exceptions=True)


async def _every(seconds: float, do: Callable[[], Awaitable[object]], stopping: asyncio.Event) -> None:
    """Do something now and then; whatever comes of it, it is done again."""
    while not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopping.wait()
        try:
            await do()
        except Busy:
            # Told by the storage already; it may be back the next time.
            continue
        except Exception:  # noqa: BLE001 - whatever it is, the service goes on
            _log.exception("A chore stumbled and goes on")


def _upkeep(works: Works, stopping: asyncio.Event) -> Callable[[], Awaitable[None]]:
    """Return a round of the upkeep: what has run out goes in every one, the rest of the chores in some."""
    rounds = 0

    async def keep_up() -> None:
        nonlocal rounds
        rounds += 1
        if rounds % _WRITE_ATTENDANCE_EVERY_ROUNDS == 0:
            await works.attendance.write_down()
        if rounds % _MEND_EVERY_ROUNDS == 0:
            await works.upkeep.mend()
        if rounds % _FORGET_EVERY_ROUNDS == 0:
            await works.lapsed.sweep()
            await _while_there_is_more(lambda: works.journal.forget(works.retention), stopping)
        await _while_there_is_more(works.upkeep.sweep, stopping)

    return keep_up


async def _while_there_is_more(sweep: Callable[[], Awaitable[bool]], stopping: asyncio.Event) -> None:
    while await sweep():
        if stopping.is_set():
            return
        # Between two batches, others write.
        await asyncio.sleep(_SWEEP_PAUSE)


async def _deliver(works: Works, stopping: asyncio.Event) -> None:
    """Send what is due, each mail by a hand of its own: one that hangs keeps its hand, and no other mail waits."""
    busy: set[asyncio.Task[None]] = set()

    def put_down(hand: asyncio.Task[None]) -> None:
        busy.discard(hand)
        # There is a hand free, and whoever came after in the same lane may be due.
        works.outbox.wake()

    async with asyncio.TaskGroup() as hands:
        while not stopping.is_set():
            try:
                claimed = await works.core.post.claim(HANDS - len(busy)) if len(busy) < HANDS else []
            except Busy:
                # Told by the storage already; it may be back soon.
                await asyncio.sleep(1.0)
                continue
            except Exception:  # noqa: BLE001 - whatever it is, the next mail is not to blame
                _log.exception("The postman stumbled and goes on")
                await asyncio.sleep(1.0)
                continue
            for queued in claimed:
                hand = hands.create_task(_deliver_one(works, queued))
                busy.add(hand)
                hand.add_done_callback(put_down)
                # A mail that a server has taken and that is not yet written down as sent goes out twice if the process
                # dies just then. One after the other, that is one mail; all at once, all of them. A slow one delays the
                # next for no longer than this.
                await asyncio.wait([hand], timeout=_NEXT_MAIL_AFTER)
            await works.outbox.wait(_LOOK_FOR_MAIL_EVERY)


async def _deliver_one(works: Works, queued: QueuedMail) -> None:
    try:
        await works.core.post.deliver(queued)
    except Busy:
        # Told by the storage already. The lease runs out, and it is tried again.
        return
    except Exception:  # noqa: BLE001 - as above; no other mail waits for that
        _log.exception("A mail could not be handled")
