"""Password hashes by Argon2id, made in threads that take no time from the event loop."""

import asyncio
import os
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import HashingError, VerificationError, VerifyMismatchError

from auth_service.adapters.crypto import django_hashes
from auth_service.domain.errors import Busy

_Answer = TypeVar("_Answer")

_NICENESS = 10
_KIB_PER_LANE = 8
_LONGEST_HASH = 512
_ARGON2 = re.compile(
    r"(?:argon2)?"  # Django writes the name of the library in front
    r"(\$argon2(?:id|i|d)\$v=(?:16|19)\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})"
    r"\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)"
)
# What a stored hash may ask for: 256 MiB, eight passes over so much, sixteen lanes (each is a thread). Far beyond every
# recommendation for sign-ins, and still no way to stall the service by a hash that was brought in from elsewhere.
_MOST_KIB = 256 * 1024
_MOST_WORK = 8 * _MOST_KIB
_MOST_LANES = 16


class Argon2Hasher:
    """Hashes in as many threads as there are cores, each giving way to the event loop.

    Memory and delay are bounded: no more hashes are under way than there are threads, and what cannot begin within the
    deadline is refused as `Busy` and never begun. The same holds for a caller who has gone away while waiting. Text
    that is no hash, a hash that asks for absurd work, and no hash at all fit nothing, at the cost of one hash of ours.
    """

    def __init__(
        self,
        time_cost: int = 2,
        memory_kib: int = 19_456,
        parallelism: int = 1,
        *,
        threads: int | None = None,
        longest_queue: int = 512,
        deadline: float = 5.0,
    ) -> None:
        if not (time_cost >= 1 and parallelism >= 1 and memory_kib >= _KIB_PER_LANE * parallelism):
            raise ValueError(
                f"Argon2 needs a time cost and a parallelism of at least 1, and {_KIB_PER_LANE} KiB of memory for each"
                f" degree of parallelism; this is {time_cost}, {parallelism} and {memory_kib} KiB"
            )
        self._argon2 = PasswordHasher(time_cost, memory_kib, parallelism)
        self._ours = re.compile(
            rf"\$argon2id\$v=19\$m={memory_kib},t={time_cost},p={parallelism}"
            r"\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"
        )
        # No password fits it, and it takes as long to find that out as for any hash of ours.
        self._nobodys = f"$argon2id$v=19$m={memory_kib},t={time_cost},p={parallelism}${'A' * 22}${'A' * 43}"
        # Whatever the operator chose is never too much.
        self._most = (
            max(_MOST_KIB, memory_kib),
            max(_MOST_WORK, memory_kib * time_cost),
            max(_MOST_LANES, parallelism),
        )
        threads = threads or _cores()
        self._pool = _Threads(threads)
        self._jobs: set[_Job] = set()
        self._most_jobs = threads + longest_queue
        self._deadline = deadline

    async def hash(self, password: str) -> str:
        """Return a new hash. Raises `Busy` where too many are waiting."""
        secret = _secret(password)
        return await self._in_turn(lambda: self._argon2.hash(secret))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Say whether the password fits the hash. With None it costs the same time and is never right."""
        secret = _secret(password)
        return await self._in_turn(lambda: self._fits(password_hash, secret))

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether a hash was made otherwise than `hash` makes them today."""
        return self._ours.fullmatch(password_hash) is None

    def close(self) -> None:
        """Refuse whoever is waiting and let the threads end; what has begun is finished."""
        self._pool.close()
        for job in list(self._jobs):
            job.refuse(self._busy())

    async def _in_turn(self, work: Callable[[], _Answer]) -> _Answer:
        """Do the work in a thread, or refuse it. What has begun is waited for: its cost is spent already."""
        if len(self._jobs) >= self._most_jobs:
            raise self._busy()
        job = _Job(work, asyncio.get_running_loop(), self._jobs)
        try:
            self._pool.submit(job.do)
        except RuntimeError:  # closed, or the system gives no more threads
            raise self._busy() from None
        self._jobs.add(job)
        deadline = job.loop.call_later(self._deadline, job.refuse, self._busy())
        try:
            answer: _Answer = await job.answer
        except HashingError:  # the machine has no memory left for it
            raise self._busy() from None
        except asyncio.CancelledError:
            job.withdraw()
            raise
        finally:
            deadline.cancel()
        return answer

    def _busy(self) -> Busy:
        # By then everybody who is waiting now has been served or refused.
        return Busy(self._deadline)

    def _fits(self, password_hash: str | None, secret: bytes) -> bool:
        known = self._fits_known(password_hash or self._nobodys, secret)
        if known is None:
            self._fits_known(self._nobodys, secret)
            return False
        return known

    def _fits_known(self, password_hash: str, secret: bytes) -> bool | None:
        """Say whether the secret fits, or None where nothing was hashed: no known form, or absurd in what it asks."""
        if len(password_hash) > _LONGEST_HASH:
            return None
        found = _ARGON2.fullmatch(password_hash)
        if found is None:
            return django_hashes.fits(password_hash, secret)
        kib, passes, lanes = (int(figure) for figure in found.group(2, 3, 4))
        most_kib, most_work, most_lanes = self._most
        if kib > most_kib or kib * passes > most_work or lanes > most_lanes:
            return None
        try:
            return self._argon2.verify(found[1], secret)
        except VerifyMismatchError:
            return False
        except VerificationError:  # it has the form of a hash and cannot be one: too short a salt, too few lanes
            return None


class _Job:
    """One piece of work between the event loop and a thread: it is begun or withdrawn, never both.

    `concurrent.futures` keeps the same promise, but with it the way to a thread and back costs half as much again.
    """

    __slots__ = ("_claim", "_pending", "_work", "answer", "loop")

    def __init__(self, work: Callable[[], object], loop: asyncio.AbstractEventLoop, pending: "set[_Job]") -> None:
        self.loop = loop
        self.answer: asyncio.Future[Any] = loop.create_future()
        self._work = work
        self._pending = pending
        # Taken once and never given back: by the thread that begins the work, or by the loop that withdraws it.
        self._claim = threading.Lock()

    def do(self) -> None:
        """Do the work, unless it was withdrawn; this runs in a thread."""
        if not self._claim.acquire(blocking=False):
            return
        tell: Callable[[Any], None]
        outcome: object
        try:
            outcome, tell = self._work(), self.answer.set_result
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller, and the thread lives
            outcome, tell = error, self.answer.set_exception
        self._pending.discard(self)
        # A loop that has been closed has nobody left to answer.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._answer, tell, outcome)

    def withdraw(self) -> bool:
        """See to it that the work is never begun; say whether that was still possible."""
        withdrawn = self._claim.acquire(blocking=False)
        if withdrawn:
            self._pending.discard(self)
        return withdrawn

    def refuse(self, why: Exception) -> None:
        """Answer with a refusal, if the work has not begun."""
        if self.withdraw():
            self._answer(self.answer.set_exception, why)

    def _answer(self, tell: Callable[[Any], None], outcome: object) -> None:
        # Whoever asked may have gone.
        if not self.answer.done():
            tell(outcome)


class _Threads:
    """Threads that give way to everything else; each is started when there is first something to do for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[threading.Thread] = []
        self._work: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._is_closed = False

    def submit(self, work: Callable[[], object]) -> None:
        """Have it done as soon as a thread is free. Raises `RuntimeError` where none ever will be."""
        if self._is_closed:
            raise RuntimeError("closed")
        if len(self._threads) < self._most:
            # A daemon: when the process ends, nobody waits for a hash any more.
            thread = threading.Thread(target=self._work_on, name=f"hashing-{len(self._threads)}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._work.put(work)

    def close(self) -> None:
        """Let the threads end once they have nothing more to do."""
        self._is_closed = True
        for _ in self._threads:
            self._work.put(None)

    def _work_on(self) -> None:
        _give_way()
        while work := self._work.get():
            work()
            # A thread with nothing to do would keep the last password until there is a next one.
            del work


def _secret(password: str) -> bytes:
    # JSON can carry half a surrogate pair; it is part of a password like any other.
    return password.encode("utf-8", "surrogatepass")


def _cores() -> int:
    # A container may have been given fewer cores than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _give_way() -> None:
    """Let the event loop go first. Only Linux knows niceness by thread; elsewhere the number would be a process."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
