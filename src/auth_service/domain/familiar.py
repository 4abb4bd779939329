"""Familiar places: where somebody signed in before. They have tries of their own, and of new ones the owner is told.

A place is a client's address and what it calls itself, less the figures that every update changes. It is kept as a
hash: the table says how many places there are, and not which.
"""

import hashlib
import re

from msgspec import Struct

from auth_service.domain import limits
from auth_service.domain.model import Client, Mail, User
from auth_service.domain.policy import DAY, Policy
from auth_service.domain.ports.familiar import Acquaintance
from auth_service.domain.ports.store import UnitOfWork

_DATED_EVERY = DAY
_KEY_DIGITS = 32
_AGENT_READ = 200
_FIGURES = re.compile(r"[\d._]+")


class Place(Struct, frozen=True):
    """Where somebody signs in, and how their account knows it. There is no key where there is no address."""

    key: str = ""
    acquaintance: Acquaintance = Acquaintance()

    @property
    def is_familiar(self) -> bool:
        """Did this account sign in here before?"""
        return bool(self.acquaintance.seen_at)

    @property
    def is_news(self) -> bool:
        """Is this a place that the owner, who knows others, may not know of?"""
        return bool(self.key) and self.acquaintance.knows_any and not self.is_familiar


def key_of(user_id: int, client: Client) -> str:
    """Return what a place is kept as; nothing where a client has no address."""
    where = limits.whereabouts(client.address)
    if not where:
        return ""
    program = _FIGURES.sub("", client.agent[:_AGENT_READ])
    text = f"{user_id} {where} {program}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]


def arrive(work: UnitOfWork, user: User, place: Place, client: Client, *, now: float, policy: Policy) -> None:
    """Remember a sign-in at a place, once a day, and tell the owner of one that is new: with the sign-in, or not."""
    seen_at = place.acquaintance.seen_at
    if not place.key or now - seen_at < _DATED_EVERY:
        return
    work.familiar.arrive(user.id, place.key, now, seen_at=seen_at)
    if place.is_news and policy.new_device_email:
        work.outbox.put(
            Mail(
                kind="new_device",
                to=user.email,
                user_id=user.id,
                address=client.address,
                agent=client.agent,
                at=now,
                language=client.language,
            )
        )


def start_anew(work: UnitOfWork, user: User, client: Client, now: float) -> None:
    """Forget all places but this one: whoever had the old password may know the others, and the owner is here."""
    work.familiar.forget(user.id)
    if key := key_of(user.id, client):
        work.familiar.arrive(user.id, key, now, seen_at=0.0)
