"""The core: the areas a driver may call. Whoever serves people, over HTTP or otherwise, needs nothing else."""

from collections.abc import Container
from dataclasses import dataclass, fields
from typing import TypeVar

from auth_service.domain.administration import Administration
from auth_service.domain.credentials import Credentials
from auth_service.domain.devices import Devices
from auth_service.domain.directory import Directory
from auth_service.domain.mailroom import Mailroom
from auth_service.domain.people import People
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import LinkSigner, PasswordHasher, TokenSigner
from auth_service.domain.ports.familiar import Familiar
from auth_service.domain.ports.outbox import Outbox
from auth_service.domain.ports.records import Records
from auth_service.domain.ports.sessions import Attendance, Sessions
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Chance, Clock, Journal, Mailer
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.ports.users import Users
from auth_service.domain.post import Post
from auth_service.domain.profiles import Profiles
from auth_service.domain.registration import Registration
from auth_service.domain.tokens import Tokens

_Area = TypeVar(
    "_Area",
    Registration,
    Credentials,
    Tokens,
    Profiles,
    Devices,
    People,
    Directory,
    Administration,
    Post,
    Mailroom,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Everything the service does, by area."""

    policy: Policy
    registration: Registration
    credentials: Credentials
    tokens: Tokens
    profiles: Profiles
    devices: Devices
    people: People
    directory: Directory
    administration: Administration
    post: Post
    mailroom: Mailroom


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """An adapter for every port, and what else the areas are built from. Each area takes the fields it names."""

    policy: Policy
    store: Store
    users: Users
    sessions: Sessions
    attendance: Attendance
    familiar: Familiar
    outbox: Outbox
    hasher: PasswordHasher
    signer: TokenSigner
    link_signer: LinkSigner
    common_passwords: Container[str]
    breached_passwords: Container[str]
    mailer: Mailer
    throttle: Throttle
    clock: Clock
    chance: Chance
    journal: Journal
    records: Records


def build_core(ports: Ports) -> Core:
    """Build all areas over these adapters."""
    return Core(
        policy=ports.policy,
        registration=_build(Registration, ports),
        credentials=_build(Credentials, ports),
        tokens=_build(Tokens, ports),
        profiles=_build(Profiles, ports),
        devices=_build(Devices, ports),
        people=_build(People, ports),
        directory=_build(Directory, ports),
        administration=_build(Administration, ports),
        post=_build(Post, ports),
        mailroom=_build(Mailroom, ports),
    )


def _build(area: type[_Area], ports: Ports) -> _Area:
    return area(**{field.name: getattr(ports, field.name) for field in fields(area)})
