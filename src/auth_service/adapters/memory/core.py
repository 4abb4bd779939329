"""The whole domain on memory, without framework, file or network: `core = memory_core()`, then call its areas."""

from collections.abc import Container
from dataclasses import dataclass

from auth_service.adapters.memory.crypto import HmacLinkSigner, HmacTokenSigner, UnfitHasher
from auth_service.adapters.memory.outbox import MemoryOutbox
from auth_service.adapters.memory.sessions import MemoryAttendance, MemorySessions
from auth_service.adapters.memory.state import Memory
from auth_service.adapters.memory.store import MemoryStore
from auth_service.adapters.memory.surroundings import CountedChance, FixedClock, MemoryJournal, MemoryMailer
from auth_service.adapters.memory.users import MemoryUsers
from auth_service.domain.core import Core
from auth_service.domain.credentials import Credentials
from auth_service.domain.devices import Devices
from auth_service.domain.model import Letter
from auth_service.domain.people import People
from auth_service.domain.policy import Policy
from auth_service.domain.post import Post
from auth_service.domain.profiles import Profiles
from auth_service.domain.registration import Registration
from auth_service.domain.tokens import Tokens

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


def memory_core(policy: Policy | None = None, *, common_passwords: Container[str] = frozenset()) -> MemoryCore:
    """Build a core on a memory of its own."""
    policy = policy or Policy()
    memory, clock, chance, journal = Memory(), FixedClock(), CountedChance(), MemoryJournal()
    mailer, hasher = MemoryMailer(), UnfitHasher()
    link_signer, signer = HmacLinkSigner(_KEY), HmacTokenSigner(_KEY)
    store, users, sessions = MemoryStore(memory, clock), MemoryUsers(memory), MemorySessions(memory)
    outbox, attendance = MemoryOutbox(memory, clock), MemoryAttendance(memory)
    return MemoryCore(
        policy=policy,
        registration=Registration(
            policy=policy,
            store=store,
            users=users,
            hasher=hasher,
            link_signer=link_signer,
            common_passwords=common_passwords,
            clock=clock,
            chance=chance,
            journal=journal,
        ),
        credentials=Credentials(
            policy=policy,
            store=store,
            users=users,
            hasher=hasher,
            link_signer=link_signer,
            common_passwords=common_passwords,
            clock=clock,
            chance=chance,
            journal=journal,
        ),
        tokens=Tokens(
            policy=policy,
            store=store,
            users=users,
            sessions=sessions,
            attendance=attendance,
            hasher=hasher,
            signer=signer,
            clock=clock,
            chance=chance,
            journal=journal,
        ),
        profiles=Profiles(
            policy=policy, store=store, users=users, hasher=hasher, clock=clock, chance=chance, journal=journal
        ),
        devices=Devices(store=store, sessions=sessions, clock=clock, journal=journal),
        people=People(
            store=store,
            users=users,
            hasher=hasher,
            common_passwords=common_passwords,
            clock=clock,
            chance=chance,
            journal=journal,
        ),
        post=Post(
            policy=policy,
            users=users,
            outbox=outbox,
            mailer=mailer,
            link_signer=link_signer,
            clock=clock,
            chance=chance,
            journal=journal,
        ),
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
