"""SIGTERM under load: what was accepted is answered, what was not answered was not done, and it ends in time."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from .books import look
from .crowd import Crowd
from .lives import Ledger
from .mails import TAKEN_OVER_WITHIN, lost_mails
from .postbox import Postbox
from .served import Served

ENDS_WITHIN = 10.0


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
async def test_told_to_stop_it_answers_what_it_accepted_and_ends(
    settings: dict[str, str], postbox: Postbox, tmp_path: Path, words: tuple[str, ...]
) -> None:
    # A hash that takes its time: at any instant there are requests in flight.
    service = Served({**settings, "ARGON2_MEMORY_KIB": "19456"}, tmp_path, *words)
    async with service, Crowd(Ledger(postbox, random.Random()), service.port) as crowd:  # noqa: S311 - any load does
        crowd.begin()
        await asyncio.sleep(1.2)
        told = time.monotonic()
        code = await service.stop()
        took = time.monotonic() - told
        await asyncio.sleep(0.2)
        done = dict(crowd.ledger.acknowledged)
        sessions = sum(len(life.good) for life in crowd.lives)
        url = settings["DATABASE_URL"]
        found = [(await look(url, query))[0][0] for query in QUERIES]
        leased = (await look(url, "SELECT count(*) FROM outbox WHERE state = 'waiting' AND leased_until > 0"))[0][0]
        service.change(ARGON2_MEMORY_KIB="8")
        service.start()
        await service.ready()
        await crowd.settle(TAKEN_OVER_WITHIN)
        await crowd.audit()
        faults = [*crowd.ledger.faults, *await lost_mails(crowd, url)]
    print(f"{url.partition(':')[0]}: {done}, stopped in {took:.2f} s, {postbox.duplicates} mails twice")  # noqa: T201 - by hand
    assert faults == []
    assert code == 0
    assert took < ENDS_WITHIN
    assert done["registration"] > 0
    assert done["sign-in"] > 0
    # Nothing was done whose answer did not arrive, and the other way round.
    assert found == [done["registration"], done.get("reset asked", 0), sessions]
    assert leased == 0
    assert postbox.duplicates == 0


QUERIES = (
    "SELECT count(*) FROM users",
    "SELECT count(*) FROM outbox WHERE kind = 'password_reset'",
    "SELECT count(*) FROM sessions",
)
