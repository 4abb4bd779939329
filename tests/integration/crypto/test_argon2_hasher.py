"""Hashing: slow for whoever guesses, never for anybody else."""

import asyncio
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from typing import Literal

import pytest
from argon2 import PasswordHasher as Argon2
from argon2.exceptions import VerifyMismatchError

from auth_service.adapters.contracts.crypto import PasswordHasherContract
from auth_service.adapters.crypto.argon2_hasher import Argon2Hasher
from auth_service.domain.errors import Busy

DJANGO = {
    "pbkdf2_sha256": "pbkdf2_sha256$1200$B6U9987dUAQqG6dUThTnzi$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "pbkdf2_sha1": "pbkdf2_sha1$1200$AYtUf7KQtU1tdWE3Y1KvaG$4UhEXdhxFSBsXpIo7sTkjhxJ0GY=",
    "argon2": "argon2$argon2id$v=19$m=64,t=1,p=2$VFVxeGpwSHJpOTFlQldwQ29oSnF3cA"
    "$Al6GPWPH4qm4a3d2RYw/leUtwXTV1zTeHNWyj9j+CKw",
    "scrypt": "scrypt$256$hkpTp1bsBAd7UR30vTZxNI$8$2"
    "$BHo3Ns6BJYGJk+AM9Jn4JWCrTFhtHa2p9iI3rR2ElVbXXWJzBo3g4aim0vfO4LkAAFyaba0u9jR8jrWeTOfvdw==",
}
DJANGO_PASSWORD = "pass wörd"

ABSURD = {
    "PBKDF2 for minutes": "pbkdf2_sha256$99999999$salt$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "PBKDF2 for years": f"pbkdf2_sha256${'9' * 300}$salt$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "PBKDF2 without a round": "pbkdf2_sha256$0$salt$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "scrypt with 8 GiB": "scrypt$8388608$salt$8$1$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "scrypt with 512 MiB": "scrypt$262144$salt$16$1$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "scrypt for minutes": "scrypt$16384$salt$8$9999$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "scrypt by no power of two": "scrypt$1000$salt$8$1$YBWvU6DVM6DZjfI4+5Bg8F5dLGMxqm0HwUi3MrSEQeQ=",
    "Argon2 with 900 GiB": "$argon2id$v=19$m=999999999,t=1,p=1$VFVxeGpwSHJpOTFlQldwQ29oSnF3cA$Al6GPWPH4qm4a3d2",
    "Argon2 with 1 GiB": "$argon2id$v=19$m=1048576,t=1,p=1$VFVxeGpwSHJpOTFlQldwQ29oSnF3cA$Al6GPWPH4qm4a3d2",
    "Argon2 for hours": "$argon2id$v=19$m=65536,t=99999,p=1$VFVxeGpwSHJpOTFlQldwQ29oSnF3cA$Al6GPWPH4qm4a3d2",
    "Argon2 in 200 threads": "$argon2id$v=19$m=16384,t=1,p=200$VFVxeGpwSHJpOTFlQldwQ29oSnF3cA$Al6GPWPH4qm4a3d2",
    "Argon2 with too little memory": "$argon2id$v=19$m=1,t=1,p=1$VFVxeGpwSHJpOTFlQldwQ29oSnF3cA$Al6GPWPH4qm4a3d2",
}


class _Counted(Argon2):
    """Argon2 that counts how often it has hashed."""

    made = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        type(self).made += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - as it is called there
        try:
            return super().verify(hash, password)
        except VerifyMismatchError:
            # What cannot be a hash is refused without any work.
            type(self).made += 1
            raise


def _cheap(**choices: float) -> Argon2Hasher:
    return Argon2Hasher(1, 64, 1, **choices)  # type: ignore[arg-type]


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    hasher = _cheap()
    yield hasher
    hasher.close()


class _Occupied:
    """A hasher whose only thread is busy until `release`."""

    def __init__(self, **choices: float) -> None:
        class Counted(_Counted):
            pass

        self.counted = Counted
        self.hasher = _cheap(threads=1, **choices)
        self.hasher._argon2 = Counted(1, 64, 1)
        self._gate = threading.Event()
        self.hasher._pool.submit(self._gate.wait)

    def release(self) -> None:
        self._gate.set()


@pytest.fixture
def occupied() -> Iterator[_Occupied]:
    occupied = _Occupied(longest_queue=2, deadline=0.05)
    yield occupied
    occupied.release()
    occupied.hasher.close()


class TestArgon2Hasher(PasswordHasherContract):
    """What is promised of every hasher."""

    @pytest.fixture
    def hasher(self, hasher: Argon2Hasher) -> Argon2Hasher:
        return hasher


async def test_the_hash_names_argon2id_and_the_chosen_cost() -> None:
    hasher = Argon2Hasher(2, 128, 4, threads=1)
    try:
        assert (await hasher.hash("secret")).startswith("$argon2id$v=19$m=128,t=2,p=4$")
    finally:
        hasher.close()


@pytest.mark.parametrize("cost", [(2, 64, 1), (1, 128, 1), (1, 64, 2)])
async def test_a_hash_of_another_cost_fits_and_is_outdated(hasher: Argon2Hasher, cost: tuple[int, int, int]) -> None:
    made = Argon2(*cost).hash("secret")

    assert await hasher.verify(made, "secret") is True
    assert hasher.is_outdated(made) is True


@pytest.mark.parametrize("made", DJANGO.values(), ids=DJANGO.keys())
async def test_a_hash_made_by_django_fits_its_password_alone_and_is_outdated(hasher: Argon2Hasher, made: str) -> None:
    assert await hasher.verify(made, DJANGO_PASSWORD) is True
    assert await hasher.verify(made, DJANGO_PASSWORD + " ") is False
    assert await hasher.verify(made + "\n", DJANGO_PASSWORD) is False
    assert hasher.is_outdated(made) is True


@pytest.mark.parametrize("made", ABSURD.values(), ids=ABSURD.keys())
async def test_a_hash_that_asks_for_absurd_work_fits_nothing_at_the_cost_of_one_of_ours(made: str) -> None:
    occupied = _Occupied()
    occupied.release()
    began = time.process_time()

    assert await occupied.hasher.verify(made, "secret") is False
    occupied.hasher.close()

    assert occupied.counted.made == 1
    assert time.process_time() - began < 0.5


async def test_what_the_operator_chose_is_never_absurd() -> None:
    hasher = Argon2Hasher(1, 64 * 8, 40, threads=1)
    try:
        assert await hasher.verify(await hasher.hash("secret"), "secret") is True
    finally:
        hasher.close()


@pytest.mark.parametrize("cost", [(0, 64, 1), (1, 64, 0), (1, 15, 2), (1, -1, 1)])
def test_a_cost_that_argon2_cannot_have_is_named_at_once(cost: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1, and 8 KiB"):
        Argon2Hasher(*cost)


@pytest.mark.parametrize("not_a_hash", [None, "", "!unusable", "pbkdf2_sha256$99999999$salt$aGFzaA=="])
async def test_an_unknown_name_costs_what_a_wrong_password_costs(not_a_hash: str | None) -> None:
    hasher = Argon2Hasher(2, 2_048, 1, threads=1)
    made = await hasher.hash("secret")
    took: dict[str | None, list[float]] = {not_a_hash: [], made: []}
    try:
        # By turns, and the best of each: what else the machine does meets both alike.
        for password_hash in [not_a_hash, made] * 12:
            began = time.process_time()
            await hasher.verify(password_hash, "wrong")
            took[password_hash].append(time.process_time() - began)
    finally:
        hasher.close()

    assert 0.6 < min(took[not_a_hash]) / min(took[made]) < 1.7


async def test_the_event_loop_stays_prompt_while_hashing() -> None:
    hasher = Argon2Hasher(2, 19_456, 1)
    late = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - due)

    ticker = asyncio.create_task(tick())
    try:
        began = time.perf_counter()
        await asyncio.gather(*(hasher.hash("secret") for _ in range(6)))
        took = time.perf_counter() - began
    finally:
        ticker.cancel()
        hasher.close()

    # On the loop itself there would be a handful of ticks, each late by a whole hash: a seventh of all this.
    assert len(late) > 10
    assert statistics.median(late) < took / 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows niceness by thread")
async def test_hashing_threads_are_as_many_as_told_and_give_way() -> None:
    hasher = _cheap(threads=2)
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        await asyncio.gather(*(hasher.hash("secret") for _ in range(20)))
        threads = hasher._pool._threads
        niceness = {os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in threads}
    finally:
        hasher.close()

    assert 1 <= len(threads) <= 2
    assert niceness == {min(19, max(10, ours))}
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours


async def test_who_waits_past_the_deadline_is_refused_without_a_hash(occupied: _Occupied) -> None:
    began = time.perf_counter()

    with pytest.raises(Busy) as refused:
        await occupied.hasher.hash("secret")

    assert 0.04 < time.perf_counter() - began < 1.0
    assert refused.value.retry_after > 0
    occupied.release()
    await occupied.hasher.hash("afterwards")
    assert occupied.counted.made == 1


async def test_past_the_longest_queue_the_refusal_is_immediate() -> None:
    occupied = _Occupied(longest_queue=2, deadline=30)
    waiting = [asyncio.create_task(occupied.hasher.hash("secret")) for _ in range(3)]
    await asyncio.sleep(0)

    for _ in range(5):
        with pytest.raises(Busy):
            await occupied.hasher.verify(None, "secret")

    occupied.release()
    await asyncio.gather(*waiting)
    assert occupied.counted.made == 3
    assert await occupied.hasher.verify(None, "there is room again") is False
    occupied.hasher.close()


async def test_who_goes_away_while_waiting_is_not_hashed_for(occupied: _Occupied) -> None:
    gone = [asyncio.create_task(occupied.hasher.hash("secret")) for _ in range(2)]
    await asyncio.sleep(0.01)
    for task in gone:
        task.cancel()

    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*gone, return_exceptions=True))
    occupied.release()
    await occupied.hasher.hash("afterwards")
    assert occupied.counted.made == 1


async def test_who_was_begun_in_time_is_answered_however_long_it_takes() -> None:
    hasher = _cheap(threads=1, deadline=0.1)

    def slow() -> str:
        time.sleep(0.15)
        return "answer"

    try:
        assert await hasher._in_turn(slow) == "answer"
    finally:
        hasher.close()


async def test_closing_refuses_those_who_wait_and_those_who_come(occupied: _Occupied) -> None:
    occupied.hasher._deadline = 30
    waiting = asyncio.create_task(occupied.hasher.hash("secret"))
    await asyncio.sleep(0.01)

    occupied.hasher.close()

    with pytest.raises(Busy):
        await waiting
    with pytest.raises(Busy):
        await occupied.hasher.hash("too late")
