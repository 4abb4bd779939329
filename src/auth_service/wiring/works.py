"""The works: a core over the adapters that these settings name, and what keeps it going."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth_service.adapters.crypto.argon2_hasher import Argon2Hasher
from auth_service.adapters.crypto.breached_passwords import load_breached_passwords
from auth_service.adapters.crypto.common_passwords import load_common_passwords
from auth_service.adapters.crypto.key_watch import KeyWatch
from auth_service.adapters.crypto.link_signer import HmacLinkSigner
from auth_service.adapters.crypto.system import SystemChance, SystemClock
from auth_service.adapters.log import StructlogJournal
from auth_service.adapters.mail.from_url import mailer_from_url
from auth_service.adapters.memory.throttle import OpenDoor
from auth_service.adapters.sql import statements
from auth_service.adapters.sql.chain import Chain
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.familiar import SqlFamiliar
from auth_service.adapters.sql.journal import SqlJournal
from auth_service.adapters.sql.journal_reading import JournalReader
from auth_service.adapters.sql.lapsed import SqlLapsed
from auth_service.adapters.sql.outbox import SqlOutbox
from auth_service.adapters.sql.sessions import SqlAttendance, SqlSessions
from auth_service.adapters.sql.store import SqlStore
from auth_service.adapters.sql.throttle import SqlThrottle
from auth_service.adapters.sql.upkeep import SqlUpkeep
from auth_service.adapters.sql.users import SqlUsers
from auth_service.domain.core import Core, Ports, build_core
from auth_service.domain.ports.surroundings import Mailer
from auth_service.domain.ports.throttle import Throttle
from auth_service.settings import Settings
from auth_service.wiring.keys import secret_of, watch_keys
from auth_service.wiring.mails import mail_writer
from auth_service.wiring.places import StartError, place_of, told
from auth_service.wiring.recording import recording, write_down_at_last

if TYPE_CHECKING:
    from auth_service.adapters.crypto.calibration import Cost
    from auth_service.adapters.redis.throttle import RedisThrottle


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """A core and what keeps it going."""

    core: Core
    outbox: SqlOutbox
    keys: KeyWatch
    database: Database
    attendance: SqlAttendance
    journal: SqlJournal
    records: JournalReader
    retention: float
    lapsed: SqlLapsed
    upkeep: SqlUpkeep

    async def ping(self) -> None:
        """Ask the database for a sign of life."""
        await self.database.one(statements.PING, {})


@asynccontextmanager
async def open_core(settings: Settings) -> AsyncIterator[Core]:
    """Open the storage and give the core; an embedded database is brought up to date first."""
    async with open_works(settings) as works:
        yield works.core


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[tuple[JournalReader, Core]]:
    """Open the storage and give the journal to read, and the core to ask who somebody is."""
    async with open_works(settings) as works:
        yield works.records, works.core


@asynccontextmanager
async def open_works(settings: Settings, mailer: Mailer | None = None) -> AsyncIterator[Works]:
    """Open everything these settings name; mail leaves by `mailer`, where there is one."""
    async with AsyncExitStack() as stack:
        with told():
            database = await place_of(settings).open()
        stack.push_async_callback(database.close)
        throttle = await stack.enter_async_context(_throttle_of(settings, database))
        clock, chance = SystemClock(), SystemChance()
        secret = secret_of(settings)
        journal = await stack.enter_async_context(recording(database, secret))
        keys = await watch_keys(settings, database, journal)
        hasher = Argon2Hasher(settings.argon2_time_cost, settings.argon2_memory_kib, settings.argon2_parallelism)
        stack.callback(hasher.close)
        outbox, attendance = SqlOutbox(database), SqlAttendance(database)
        stack.push_async_callback(write_down_at_last, attendance)
        records = JournalReader(database, Chain.keyed_by(secret))
        writer = mail_writer(settings)
        mail_host = settings.mail_from.rpartition("@")[2].rstrip("> ") or "localhost"
        core = build_core(
            Ports(
                policy=settings.policy(),
                store=SqlStore(database, outbox, chance, mail_host),
                users=SqlUsers(database),
                sessions=SqlSessions(database),
                attendance=attendance,
                familiar=SqlFamiliar(database),
                outbox=outbox,
                hasher=hasher,
                signer=keys.signer,
                link_signer=HmacLinkSigner(secret),
                common_passwords=load_common_passwords(),
                breached_passwords=load_breached_passwords(),
                mailer=mailer or mailer_from_url(settings.mail_url, writer=writer),
                throttle=throttle,
                clock=clock,
                chance=chance,
                journal=StructlogJournal(journal),
                records=records,
            )
        )
        yield Works(
            core=core,
            outbox=outbox,
            keys=keys,
            database=database,
            attendance=attendance,
            journal=journal,
            records=records,
            retention=settings.journal_retention,
            lapsed=SqlLapsed(database, core.policy, clock),
            upkeep=SqlUpkeep(database, chance.hex(32)),
        )


@asynccontextmanager
async def _throttle_of(settings: Settings, database: Database) -> AsyncIterator[Throttle]:
    """Give who counts attempts, and where."""
    if not settings.throttling:
        yield OpenDoor()
    elif settings.throttle_url is None:
        yield SqlThrottle(database)
    else:
        async with counts_in_redis(settings.throttle_url) as throttle:
            yield throttle


@asynccontextmanager
async def counts_in_redis(url: str) -> "AsyncIterator[RedisThrottle]":
    """Give counts that stand in Redis or Valkey."""
    try:
        from auth_service.adapters.redis.throttle import RedisThrottle  # noqa: PLC0415 - not everybody has its library
    except ModuleNotFoundError:
        raise StartError("THROTTLE_URL takes a package more: install auth-service[redis].") from None
    throttle = RedisThrottle(url)
    try:
        yield throttle
    finally:
        await throttle.close()


def calibrate_hash(seconds: float, most_kib: int) -> "Cost":
    """Return what a password hash may cost on this machine."""
    from auth_service.adapters.crypto.calibration import propose  # noqa: PLC0415

    return propose(seconds, most_kib)
