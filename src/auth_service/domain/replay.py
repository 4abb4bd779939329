"""Replay: a refresh token that was spent is used again, so somebody has a copy, and nobody can tell who."""

from dataclasses import dataclass

from auth_service.domain.model import Client, Fact, Mail
from auth_service.domain.ports.sessions import Sessions
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Clock, Journal
from auth_service.domain.races import settles_races


@dataclass(frozen=True, slots=True)
class Replay:
    """Ends the session for thief and owner alike, and tells the owner (RFC 9700 4.14.2): by one mail, not by many."""

    store: Store
    sessions: Sessions
    clock: Clock
    journal: Journal

    @settles_races
    async def answer(self, session_id: str, client: Client) -> None:
        """End a session together with the mail about it. Of many replays at once, the one that ends it tells."""
        found = await self.sessions.with_user(session_id)
        if found is None:
            return
        session, user = found
        work = self.store.begin()
        work.sessions.end_once(session.id)
        work.outbox.put(
            Mail(
                kind="session_ended_by_reuse",
                to=user.email,
                user_id=user.id,
                address=client.address,
                agent=client.agent,
                at=self.clock.now(),
            )
        )
        await work.commit()
        self.journal.note(
            Fact(
                what="refresh_reused",
                user_id=user.id,
                session_id=session.id,
                address=client.address,
                agent=client.agent,
                why="spent refresh token used again: session ended, owner told",
            )
        )
