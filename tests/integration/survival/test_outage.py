"""The database goes away under load and comes back: the service waits for it, says so, and goes on by itself."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from auth_service.adapters.sql import schema
from tests.integration.postgres import Cluster, cluster
from tests.integration.wire.people import newcomer
from tests.integration.wire.raw import Answer, Connection, connected, json_request, request_bytes

from .books import look
from .conftest import figure
from .crowd import Crowd
from .lives import Ledger
from .mails import lost_mails
from .postbox import Postbox
from .served import Served

AWAY = figure("SURVIVAL_OUTAGE", 3)
CONNECTIONS = 6
NOBODY = newcomer()


@dataclass
class Watch:
    """Asks for readiness, for life and for a sign-in all the time, and keeps what it saw and how long that took."""

    port: int
    seen: list[tuple[float, str, Answer, float]] = field(default_factory=list)

    async def keep(self) -> None:
        """Watch until cancelled."""
        async with connected(self.port, 3) as connections:
            asked = {
                "ready": request_bytes("GET", "/health"),
                "alive": request_bytes("GET", "/health/live"),
                "sign-in": json_request("POST", "/auth/jwt/create/", NOBODY.sign_in),
            }
            await asyncio.gather(*(self._ask(*each) for each in zip(connections, asked, asked.values(), strict=True)))

    async def _ask(self, connection: Connection, what: str, request: bytes) -> None:
        while True:
            at = time.monotonic()
            answer = await connection.ask(request)
            self.seen.append((at, what, answer, time.monotonic() - at))
            await asyncio.sleep(0.05)

    def between(self, start: float, end: float, what: str) -> list[tuple[Answer, float]]:
        """Return the answers to what was asked in this span of time, with what each took."""
        return [(answer, took) for at, asked, answer, took in self.seen if asked == what and start <= at < end]

    def back_after(self, start: float) -> float:
        """Return how long after this all that is asked was answered as ever."""
        bad = [at for at, _, answer, _ in self.seen if at >= start and answer.status == 503]
        return max(bad, default=start) - start


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a PostgreSQL server that nobody else needs."""
    with cluster(tmp_path_factory.mktemp("own")) as own:
        asyncio.run(schema.upgrade(own.url))
        yield own


async def test_while_postgresql_is_away_it_says_so_and_afterwards_it_serves_by_itself(
    own: Cluster, postbox: Postbox, tmp_path: Path
) -> None:
    settings = {
        "DATABASE_URL": own.url,
        "DATABASE_CONNECTIONS": str(CONNECTIONS),
        "MAIL_URL": f"smtp://127.0.0.1:{postbox.port}",
    }
    async with Served(settings, tmp_path) as service, Crowd(Ledger(postbox, random.Random()), service.port) as crowd:  # noqa: S311 - any load does
        crowd.begin()
        watch = Watch(service.port)
        watching = asyncio.create_task(watch.keep())
        await asyncio.sleep(1.5)
        await asyncio.to_thread(own.stop)
        stopped = time.monotonic()
        await asyncio.sleep(AWAY)
        starts = time.monotonic()
        await asyncio.to_thread(own.start)
        started = time.monotonic()
        await asyncio.sleep(3.0)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await crowd.settle(30.0)
        await crowd.audit()
        faults = [*crowd.ledger.faults, *await lost_mails(crowd, own.url)]
        (connections,) = await look(own.url, _OURS)
        alive = service.process.poll() is None
        code = await service.stop()
        (left,) = await look(own.url, _OURS)
    back = watch.back_after(started)
    during = {what: watch.between(stopped, starts - 0.2, what) for what in ("ready", "alive", "sign-in")}
    slowest = max(took for answers in during.values() for _, took in answers)
    print(  # noqa: T201 - for whoever runs it by hand
        f"away {AWAY} s: back {back:.2f} s after it; statuses {dict(crowd.statuses)}, {crowd.unanswered} unanswered; "
        f"slowest answer meanwhile {slowest:.3f} s; {connections[0]} connections, {left[0]} after the stop; "
        f"{postbox.received} mails, {postbox.duplicates} twice; {len(faults)} faults"
    )
    assert faults == []
    assert crowd.unanswered == 0
    assert alive
    assert code == 0
    for what, right in (("ready", 503), ("sign-in", 503), ("alive", 200)):
        assert len(during[what]) > AWAY
        assert {answer.status for answer, _ in during[what]} == {right}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer, _ in (*during["ready"], *during["sign-in"]))
    assert slowest < 2.0
    assert back < 2.5
    assert 0 < connections[0] <= CONNECTIONS
    assert left[0] == 0


_OURS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
