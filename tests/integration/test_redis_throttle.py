"""Counting in Redis keeps the contract of throttles, and when Redis is away nobody guesses."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from auth_service.adapters.contracts.throttle import Counting, ThrottleContract
from auth_service.adapters.redis.throttle import RedisThrottle
from auth_service.domain.errors import Busy, TooManyAttempts
from auth_service.domain.ports.throttle import Counter
from tests.integration.conformance.running import Mailbox
from tests.integration.wire.serving import Server

from .redis_server import RedisServer, free_port, redis_server, redis_url

A_MINUTE = Counter("a", 10, 60.0)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server for all tests that leave it running."""
    with redis_url(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
async def looking(url: str) -> AsyncIterator[Redis]:
    """Give a view of what is kept there, which is nothing yet."""
    redis = Redis.from_url(url)
    await redis.flushdb()
    yield redis
    await redis.aclose()


@pytest.fixture
async def throttle(url: str) -> AsyncIterator[RedisThrottle]:
    """Give a throttle on that server."""
    made = RedisThrottle(url)
    yield made
    await made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server of one's own."""
    with redis_server(tmp_path) as server:
        yield server


class TestRedisThrottle(ThrottleContract):
    """Counting in Redis or Valkey."""

    @pytest.fixture
    async def counting(self, throttle: RedisThrottle, looking: Redis) -> Counting:
        """Give one that has counted nothing."""

        async def pass_time(seconds: float) -> None:
            # Windows run by the server's own clock: for time to pass, what is kept must grow older.
            async for key in looking.scan_iter():
                left = await looking.pttl(key) - round(seconds * 1_000)
                if left > 0:
                    await looking.hincrbyfloat(key, "free_at", -seconds)
                    await looking.pexpire(key, left)
                else:
                    await looking.delete(key)

        return Counting(throttle, pass_time)


async def test_two_processes_count_together(url: str, throttle: RedisThrottle, looking: Redis) -> None:
    other = RedisThrottle(url)

    async def passes(number: int) -> bool:
        try:
            await (throttle, other)[number % 2].take([A_MINUTE, Counter("b", 100, 60.0)])
        except TooManyAttempts:
            return False
        return True

    assert sum(await asyncio.gather(*(passes(number) for number in range(60)))) == 10
    await other.close()
    counts = [await looking.hget(key, "count") async for key in looking.scan_iter()]
    assert counts == [b"10", b"10"]


async def test_who_tried_what_is_not_readable_and_all_of_it_runs_out(throttle: RedisThrottle, looking: Redis) -> None:
    await throttle.take([Counter("mail to recipient ann@example.org", 5, 60.0)])
    (key,) = [key async for key in looking.scan_iter()]
    assert b"ann" not in key
    assert 59_000 < await looking.pttl(key) <= 60_000


async def test_while_it_is_away_nobody_is_let_try_and_afterwards_all_is_well(server: RedisServer) -> None:
    throttle = RedisThrottle(server.url)
    await throttle.take([A_MINUTE])
    server.stop()
    for _ in range(3):
        with pytest.raises(Busy) as busy:
            await throttle.take([A_MINUTE])
        assert busy.value.retry_after == 1.0
    server.start()
    await throttle.take([A_MINUTE])
    await throttle.close()


async def test_one_that_does_not_answer_is_away_too() -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silence, "127.0.0.1", 0) as silent:
        throttle = RedisThrottle(f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        async with asyncio.timeout(10):
            with pytest.raises(Busy):
                await throttle.take([A_MINUTE])
        await throttle.close()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"THROTTLE_URL": "redis://:hush@127.0.0.1:{free}/0"},
            (
                "Error: The counts at redis://***@127.0.0.1:{free}/0 cannot be had: nobody answers there."
                " Set THROTTLE_URL."
            ),
        ),
        (
            {"THROTTLE_URL": "http://127.0.0.1"},
            (
                "Error: THROTTLE_URL is 'http://127.0.0.1'; it takes redis://, rediss://, valkey:// or "
                "valkeys://user:password@host:port/number, or unix:///socket."
            ),
        ),
    ],
)
def test_a_start_with_counts_that_cannot_be_had_ends_with_a_sentence(
    settings: dict[str, str], told: str, tmp_path: Path
) -> None:
    free = str(free_port())
    environment = {name: text.replace("{free}", free) for name, text in settings.items()}
    done = subprocess.run(  # noqa: S603 - nothing here comes from outside
        [sys.executable, "-m", "auth_service", "serve", "--port", str(free_port())],
        cwd=tmp_path,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {1, 2}
    assert done.stderr.strip() == told.replace("{free}", free)


def test_a_service_of_two_processes_counts_there_and_refuses_sign_ins_while_it_is_away(
    server: RedisServer, tmp_path: Path
) -> None:
    settings = {"THROTTLING": "1", "ACTIVATION": "optional", "THROTTLE_URL": server.url.replace("redis", "valkey")}
    with (
        Mailbox() as mailbox,
        Server(settings, mailbox, tmp_path, "--workers", "2") as service,
        httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=20) as caller,
    ):
        wrong = {"username": "nobody", "password": "a wrong one"}
        statuses = [caller.post("/auth/jwt/create/", json=wrong).status_code for _ in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        server.stop()
        for path in ("/auth/jwt/create/", "/api/login"):
            away = caller.post(path, json=wrong)
            assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
        assert caller.get("/health").status_code == 200
        server.start()
        assert caller.post("/auth/jwt/create/", json=wrong).status_code == 401
