"""`kill -9` at any instant: what was acknowledged holds, and every mail that was promised comes."""

import asyncio
import random
from pathlib import Path

from .conftest import figure
from .crowd import Crowd
from .lives import Ledger
from .mails import TAKEN_OVER_WITHIN, lost_mails
from .postbox import Postbox
from .served import Served

KILLS = figure("SURVIVAL_KILLS", 6)
SEED = figure("SURVIVAL_SEED", random.SystemRandom().randrange(10**6))


async def test_killed_at_random_instants_it_loses_nothing_it_acknowledged(
    settings: dict[str, str], postbox: Postbox, tmp_path: Path
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be had again by its seed
    service = Served(settings, tmp_path)
    async with service, Crowd(Ledger(postbox, chance), service.port) as crowd:
        crowd.begin()
        for number in range(KILLS):
            await asyncio.sleep(chance.uniform(0.02, 1.2))
            await service.kill()
            service.start(*(["--workers", "2"] if number % 4 == 3 else []))
            # Some are killed while they start.
            if number == KILLS - 1 or chance.random() < 0.8:
                await service.ready()
        await crowd.settle(TAKEN_OVER_WITHIN)
        await crowd.audit()
        faults = [*crowd.ledger.faults, *await lost_mails(crowd, settings["DATABASE_URL"])]
    print(figures(crowd, settings["DATABASE_URL"]))  # noqa: T201 - what the battery is for, where it is run by hand
    assert faults == []
    assert postbox.duplicates <= KILLS
    # A load that the kills did not hit would prove nothing.
    assert crowd.unanswered >= KILLS
    assert min(crowd.ledger.acknowledged[what] for what in ("registration", "sign-in", "reset")) > 0


def figures(crowd: Crowd, url: str) -> str:
    """Say what happened, on a line."""
    postbox = crowd.ledger.postbox
    return (
        f"{url.partition(':')[0]}, seed {SEED}: {KILLS} kills, {len(crowd.lives)} people, "
        f"acknowledged {dict(crowd.ledger.acknowledged)}, statuses {dict(crowd.statuses)}, "
        f"{crowd.unanswered} unanswered, {postbox.received} mails, {postbox.duplicates} of them twice, "
        f"{len(crowd.ledger.faults)} faults"
    )
