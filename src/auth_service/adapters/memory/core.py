"""The whole domain on memory, without framework, file or network: `core = memory_core()`, then call its areas."""

from collections.abc import Container
from dataclasses import dataclass, fields

from auth_service.adapters.memory.crypto import HmacLinkSigner, HmacTokenSigner, UnfitHasher
from auth_service.adapters.memory.familiar import MemoryFamiliar
from auth_service.adapters.memory.outbox import MemoryOutbox
from auth_service.adapters.memory.sessions import MemoryAttendance, MemorySessions
from auth_service.adapters.memory.state import Memory
from auth_service.adapters.memory.store import MemoryStore
from auth_service.adapters.memory.surroundings import CountedChance, FixedClock, MemoryJournal, MemoryMailer
from auth_service.adapters.memory.throttle import MemoryThrottle, OpenDoor
from auth_service.adapters.memory.users import MemoryUsers
from auth_service.domain.core import Core, Ports, build_core
from auth_service.domain.model import Letter
from auth_service.domain.policy import Policy

# Everybody can read it here: it guards nothing but tests.
_KEY = b"no secret at all"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCore(Core):
    """The core, and the world it stands on within reach: to move the time, read the post, look into storage."""

    clock: FixedClock
    chance: CountedChance
    journal: MemoryJournal
    mailer: MemoryMailer
    hasher: UnfitHasher
    link_signer: HmacLinkSigner
    signer: HmacTokenSigner
    store: MemoryStore
    users: MemoryUsers
    sessions: MemorySessions
    outbox: MemoryOutbox

    async def deliver(self) -> list[Letter]:
        """Do the postman's round: try everything that is due now, and return the letters that went out."""
        before = len(self.mailer.letters)
        while claimed := await self.post.claim():
            for queued in claimed:
                await self.post.deliver(queued)
        return self.mailer.letters[before:]


def memory_core(
    policy: Policy | None = None,
    *,
    common_passwords: Container[str] = frozenset(),
    breached_passwords: Container[str] = frozenset(),
    throttled: bool = False,
) -> MemoryCore:
    """Build a core on a memory of its own; people may try as often as they like unless it is `throttled`."""
    memory, clock, chance = Memory(), FixedClock(), CountedChance()
    journal, mailer, hasher = MemoryJournal(clock), MemoryMailer(), UnfitHasher()
    link_signer, signer = HmacLinkSigner(_KEY), HmacTokenSigner(_KEY)
    store, users, sessions = MemoryStore(memory, clock), MemoryUsers(memory), MemorySessions(memory)
    outbox = MemoryOutbox(memory, clock)
    ports = Ports(
        policy=policy or Policy(),
        store=store,
        users=users,
        sessions=sessions,
        attendance=MemoryAttendance(memory),
        familiar=MemoryFamiliar(memory),
        outbox=outbox,
        hasher=hasher,
        signer=signer,
        link_signer=link_signer,
        common_passwords=common_passwords,
        breached_passwords=breached_passwords,
        mailer=mailer,
        throttle=MemoryThrottle(clock) if throttled else OpenDoor(),
        clock=clock,
        chance=chance,
        journal=journal,
        records=journal,
    )
    core = build_core(ports)
    return MemoryCore(
        **{field.name: getattr(core, field.name) for field in fields(core)},
        clock=clock,
        chance=chance,
        journal=journal,
        mailer=mailer,
        hasher=hasher,
        link_signer=link_signer,
        signer=signer,
        store=store,
        users=users,
        sessions=sessions,
        outbox=outbox,
    )
