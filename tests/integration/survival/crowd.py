"""A crowd: many people at once, each doing one thing after another, over connections that may break at any time."""

import asyncio
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.integration.wire.raw import Answer, Connection

from .lives import Ask, Ledger, Life, audit

_AT_ONCE = 16
_WAITING_AT_MOST = 120
_PAUSE = 0.01


class Crowd:
    """People without end while the load is on; afterwards those there are bring what they began to its end."""

    def __init__(self, ledger: Ledger, *ports: int) -> None:
        self.ledger = ledger
        self.lives: list[Life] = []
        self.statuses: Counter[int] = Counter()
        self.unanswered = 0
        self._connections = [Connection(ports[number % len(ports)]) for number in range(_AT_ONCE)]
        self._resting: list[Life] = []
        self._walkers: list[asyncio.Task[None]] = []
        self._takes_more = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._part()
        for connection in self._connections:
            await connection.close()

    def begin(self) -> None:
        """Let the load begin."""
        self._takes_more = True
        self._walkers = [asyncio.create_task(self._walk(number)) for number in range(_AT_ONCE)]

    async def settle(self, within: float) -> None:
        """Take nobody new, and return when everybody knows how they stand and has had the mail they wait for."""
        self._takes_more = False
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not all(life.is_settled for life in self.lives):  # noqa: ASYNC110 - nobody tells when
                    await asyncio.sleep(_PAUSE)
        await self._part()
        self.ledger.faults += [f"never settled: {life}" for life in self.lives if not life.is_settled]

    async def audit(self) -> None:
        """Look whether everything that was acknowledged to anybody holds."""
        waiting = list(self.lives)

        async def go_round(number: int) -> None:
            ask = self._asker(number)
            while waiting:
                self.ledger.faults += await audit(waiting.pop(), ask)

        await asyncio.gather(*map(go_round, range(_AT_ONCE)))

    async def _part(self) -> None:
        for walker in self._walkers:
            walker.cancel()
        ended = await asyncio.gather(*self._walkers, return_exceptions=True)
        self._walkers = []
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _walk(self, number: int) -> None:
        ask = self._asker(number)
        while True:
            life = self._take()
            if life is None:
                await asyncio.sleep(_PAUSE)
                continue
            await life.step(ask)
            if not life.is_over:
                self._resting.append(life)

    def _take(self) -> Life | None:
        """Return somebody who has something to do; a newcomer where there is nobody, but not too many of them."""
        for position, life in enumerate(self._resting):
            if life.is_ready and (self._takes_more or not life.is_settled):
                return self._resting.pop(position)
        if not self._takes_more or len(self._resting) >= _WAITING_AT_MOST:
            return None
        life = Life(self.ledger)
        self.lives.append(life)
        return life

    def _asker(self, number: int) -> Ask:
        connection = self._connections[number]

        async def ask(request: bytes) -> Answer | None:
            """Return what was answered; nothing where the service was not there to answer, or said so."""
            try:
                answer = await connection.ask(request)
            except (OSError, EOFError, TimeoutError):
                self.unanswered += 1
                await asyncio.sleep(_PAUSE)
                return None
            self.statuses[answer.status] += 1
            if answer.status == 503:
                await asyncio.sleep(_PAUSE)
                return None
            return answer

        return ask
