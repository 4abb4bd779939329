"""A signer that follows the keys: what one process changes, another learns, and no token is refused in between."""

import asyncio
import logging
import time

import pytest

from auth_service.adapters.crypto import key_watch
from auth_service.adapters.crypto.key_watch import KeyWatch
from auth_service.adapters.crypto.keys import SigningKey, new_key, secret_as_key
from auth_service.adapters.crypto.sealed_keys import NotOurs, SealedKeys
from auth_service.adapters.memory.keys import MemoryKeys
from auth_service.adapters.memory.surroundings import FixedClock, MemoryJournal
from auth_service.domain.errors import TokenRejected
from auth_service.domain.keyring import Keyring
from auth_service.domain.model import Claims

CLAIMS = Claims(exp=4_102_444_800, user_id="14")
SECRET = "a secret of this installation"


class House:
    """Keys that several processes share."""

    def __init__(self) -> None:
        self.keys = CountedKeys()
        self.clock = FixedClock()

    def ring(self, outside: SigningKey | None = None, algorithm: str = "EdDSA", secret: str = SECRET) -> Keyring:
        sealed = SealedKeys(secret)
        return Keyring(
            keys=self.keys,
            maker=sealed,
            clock=self.clock,
            journal=MemoryJournal(),
            algorithm=algorithm,
            token_lifetime=100.0,
            outside=None if outside is None else sealed.known(outside),
        )

    async def process(self, outside: SigningKey | None = None) -> KeyWatch:
        await self.ring(outside).settle()
        return await KeyWatch.begin(self.keys, SealedKeys(SECRET), self.clock, outside)


class CountedKeys(MemoryKeys):
    """Counts how often it was looked at."""

    looks = 0

    async def all(self) -> list:  # type: ignore[type-arg]
        self.looks += 1
        return list(await super().all())


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(key_watch, "_LOOKS_APART", 0.2)
    return House()


def kid(watch: KeyWatch) -> str:
    return watch.signer.public_keys()[0]["kid"]


def refused(watch: KeyWatch, token: str) -> bool:
    try:
        watch.signer.read(token)
    except TokenRejected:
        return True
    return False


async def test_two_processes_have_the_same_keys(house: House) -> None:
    here, there = await house.process(), await house.process()

    assert here.signer.public_keys() == there.signer.public_keys()
    assert there.signer.read(here.signer.sign(CLAIMS)) == CLAIMS


async def test_after_a_look_the_new_key_signs_and_the_old_ones_tokens_are_good(house: House) -> None:
    here = await house.process()
    old, upcoming = here.signer.sign(CLAIMS), here.signer.public_keys()[1]["kid"]
    await house.ring().rotate(at_once=True)
    await here.look()

    assert kid(here) == upcoming
    assert len(here.signer.public_keys()) == 3
    assert here.signer.read(old) == CLAIMS
    assert here.signer.sign(CLAIMS) != old


async def test_who_has_not_looked_takes_what_the_next_key_signs(house: House) -> None:
    here, there = await house.process(), await house.process()
    await house.ring().rotate(at_once=True)
    await here.look()

    assert there.signer.read(here.signer.sign(CLAIMS)) == CLAIMS
    assert here.signer.read(there.signer.sign(CLAIMS)) == CLAIMS


async def test_who_has_missed_several_rotations_learns_of_them_by_the_token(house: House) -> None:
    here, there = await house.process(), await house.process()
    for _ in range(3):
        await house.ring().rotate(at_once=True)
    await here.look()
    token = here.signer.sign(CLAIMS)

    assert refused(there, token)
    assert await there.signer.learn(token) is True
    assert there.signer.read(token) == CLAIMS


async def test_however_many_unknown_keys_strangers_name_they_cause_one_look_at_a_time(house: House) -> None:
    here, stranger = await house.process(), await House().process()
    tokens = []
    for _ in range(50):
        await stranger._keys.replace(await stranger._keys.all(), [])
        tokens.append((await House().process()).signer.sign(CLAIMS))
    house.keys.looks = 0
    began = time.monotonic()
    for _ in range(3):
        learnt = await asyncio.gather(*(here.signer.learn(token) for token in tokens))
        assert learnt == [False] * 50
    assert house.keys.looks <= 1 + (time.monotonic() - began) / key_watch._LOOKS_APART


async def test_a_key_that_came_during_a_look_is_not_missed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = await house.process(), await house.process()
    began, go_on = asyncio.Event(), asyncio.Event()
    look = MemoryKeys.all

    async def slow(self: MemoryKeys) -> object:
        found = await look(self)
        began.set()
        await go_on.wait()
        return found

    strange = (await House().process()).signer.sign(CLAIMS)
    with monkeypatch.context() as patch:
        patch.setattr(CountedKeys, "all", slow)
        first = asyncio.create_task(here.signer.learn(strange))
        await began.wait()
    for _ in range(2):
        await house.ring().rotate(at_once=True)
    await there.look()
    second = asyncio.create_task(here.signer.learn(there.signer.sign(CLAIMS)))
    await asyncio.sleep(0.05)
    go_on.set()

    assert (await first, await second) == (False, True)


async def test_a_key_that_is_trusted_no_more_is_refused_though_its_tokens_were_remembered(house: House) -> None:
    here = await house.process()
    old, leaked = here.signer.sign(CLAIMS), kid(here)
    await house.ring().rotate(at_once=True)
    await here.look()
    assert here.signer.read(old) == CLAIMS
    await house.ring().retire(leaked)
    await here.look()

    assert refused(here, old)
    assert await here.signer.learn(old) is False
    assert leaked not in {key["kid"] for key in here.signer.public_keys()}


async def test_a_retired_key_leaves_once_its_tokens_have_run_out(house: House) -> None:
    here = await house.process()
    old = here.signer.sign(CLAIMS)
    await house.ring().rotate(at_once=True)
    await here.look()
    house.clock.advance(100.0)
    await here.look()
    assert here.signer.read(old) == CLAIMS
    house.clock.advance(301.0)
    await here.look()

    assert refused(here, old)
    assert len(here.signer.public_keys()) == 2


async def test_the_operators_key_signs_whatever_the_others_do(house: House) -> None:
    one, two = new_key("EdDSA"), new_key("EdDSA")
    here, there = await house.process(one), await house.process(two)
    await here.look()

    assert kid(here) != kid(there)
    assert here.signer.read(there.signer.sign(CLAIMS)) == there.signer.read(here.signer.sign(CLAIMS)) == CLAIMS


async def test_from_a_secret_to_a_key_and_back_nobody_is_signed_out(house: House) -> None:
    secret = secret_as_key(SECRET)
    await house.ring(secret, "HS256").settle()
    here = await KeyWatch.begin(house.keys, SealedKeys(SECRET), house.clock, None)
    old = here.signer.sign(CLAIMS)
    assert here.signer.public_keys() == []

    await house.ring().settle()
    await here.look()
    new = here.signer.sign(CLAIMS)
    assert [key["alg"] for key in here.signer.public_keys()] == ["EdDSA", "EdDSA"]
    assert here.signer.read(old) == here.signer.read(new) == CLAIMS

    await house.ring(secret, "HS256").settle()
    await here.look()
    assert here.signer.sign(CLAIMS) == old
    assert here.signer.read(new) == CLAIMS


async def test_a_key_under_another_secret_stops_the_start_but_no_process_that_runs(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    here = await house.process()
    before = kid(here)
    await house.ring(secret="another secret").rotate(at_once=True)
    with caplog.at_level(logging.ERROR):
        await here.look()
        await here.look()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert kid(here) == before
    assert here.signer.read(here.signer.sign(CLAIMS)) == CLAIMS

    with pytest.raises(NotOurs):
        await KeyWatch.begin(house.keys, SealedKeys(SECRET), house.clock, None)
