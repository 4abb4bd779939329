"""Wiring: the only file that knows both sides. It makes the core from the settings, and serves it."""

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from auth_service.adapters.crypto.argon2_hasher import Argon2Hasher
from auth_service.adapters.crypto.breached_passwords import load_breached_passwords
from auth_service.adapters.crypto.common_passwords import load_common_passwords
from auth_service.adapters.crypto.key_watch import KeyWatch
from auth_service.adapters.crypto.keys import SigningKey, load_key, load_or_make_secret, secret_as_key
from auth_service.adapters.crypto.link_signer import HmacLinkSigner
from auth_service.adapters.crypto.sealed_keys import NotOurs, SealedKeys
from auth_service.adapters.crypto.system import SystemChance, SystemClock
from auth_service.adapters.log import StructlogJournal, bind_request, request_writer, set_up_log
from auth_service.adapters.mail.from_url import mailer_from_url
from auth_service.adapters.mail.writing import MailWriter
from auth_service.adapters.memory.throttle import OpenDoor
from auth_service.adapters.sql import schema, statements
from auth_service.adapters.sql.chain import Chain
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.familiar import SqlFamiliar
from auth_service.adapters.sql.journal import SqlJournal
from auth_service.adapters.sql.journal_reading import JournalReader
from auth_service.adapters.sql.keys import SqlKeys
from auth_service.adapters.sql.lapsed import SqlLapsed
from auth_service.adapters.sql.outbox import SqlOutbox
from auth_service.adapters.sql.place import PostgresPlace, SqlitePlace
from auth_service.adapters.sql.sessions import SqlAttendance, SqlSessions
from auth_service.adapters.sql.standing import Unusable
from auth_service.adapters.sql.store import SqlStore
from auth_service.adapters.sql.throttle import SqlThrottle
from auth_service.adapters.sql.upkeep import SqlUpkeep
from auth_service.adapters.sql.users import SqlUsers
from auth_service.appearance import Appearance
from auth_service.doctor import examine
from auth_service.domain.core import Core, Ports, build_core
from auth_service.domain.errors import Busy
from auth_service.domain.keyring import Keyring
from auth_service.domain.keys import NewKey
from auth_service.domain.model import QueuedMail
from auth_service.domain.ports.surroundings import Mailer
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.post import HANDS
from auth_service.languages import LANGUAGES, learn
from auth_service.settings import Settings, file_of, hand_down, hide_credentials, present_settings

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from auth_service.adapters.crypto.calibration import Cost
    from auth_service.adapters.redis.throttle import RedisThrottle
    from auth_service.adapters.sql.moving.copying import Moved, Progress
    from auth_service.api.app import Options
    from auth_service.api.pages.look import Look

_LOOK_FOR_MAIL_EVERY = 1.0
_NEXT_MAIL_AFTER = 0.1
_FINISHES_WITHIN = 5.0
# Often, so that what has run out meanwhile is little, however many sign in: the file grows by that, and by no more.
_SWEEP_EVERY = 1.0
_SWEEP_PAUSE = 0.02
_LOOK_FOR_KEYS_EVERY = 20.0
_WRITE_ATTENDANCE_EVERY_ROUNDS = 20
_MEND_EVERY_ROUNDS = 30
_FORGET_EVERY_ROUNDS = 60
_RECORD_EVERY = 0.5
_log = logging.getLogger("auth_service")


class StartError(Exception):
    """The service cannot start; the sentence says why and what would help."""


class DatabaseStatus(Struct, frozen=True):
    """How a database stands to the schema this version needs."""

    url: str
    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Is there nothing to upgrade?"""
        return self.current == self.head


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
    async with _open(settings) as works:
        yield works.core


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[tuple[JournalReader, Core]]:
    """Open the storage and give the journal to read, and the core to ask who somebody is."""
    async with _open(settings) as works:
        yield works.records, works.core


@asynccontextmanager
async def _open(settings: Settings, mailer: Mailer | None = None) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        with _told():
            database = await _place(settings).open()
        stack.push_async_callback(database.close)
        throttle = await stack.enter_async_context(_throttle(settings, database))
        clock, chance = SystemClock(), SystemChance()
        secret = _secret(settings)
        journal = await stack.enter_async_context(_recording(database, secret))
        keys = await _watch_keys(settings, database, journal)
        hasher = Argon2Hasher(settings.argon2_time_cost, settings.argon2_memory_kib, settings.argon2_parallelism)
        stack.callback(hasher.close)
        outbox, attendance = SqlOutbox(database), SqlAttendance(database)
        stack.push_async_callback(_write_down_at_last, attendance)
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
async def open_keyring(settings: Settings) -> AsyncIterator[Keyring]:
    """Open what the signing keys are kept in, and use none of them: also where our secret does not open them."""
    with _told():
        database = await _place(settings).open()
    try:
        async with _recording(database, _secret(settings)) as journal:
            yield await _settled_keyring(settings, database, journal)
    finally:
        await database.close()


async def upgrade_database(settings: Settings) -> str:
    """Bring the database to the schema this version needs; return that schema's version."""
    with _told():
        await _place(settings).upgrade()
    return schema.HEAD


async def database_status(settings: Settings) -> DatabaseStatus:
    """Say which schema the database has."""
    with _told():
        return DatabaseStatus(hide_credentials(settings.database_url), await _place(settings).version(), schema.HEAD)


async def copy_database(source: str, target: str, progress: "Progress") -> "Sequence[Moved]":
    """Copy everything from one address to another."""
    from auth_service.adapters.sql.moving.copying import copy  # noqa: PLC0415 - who serves has no need of it

    with _told():
        return await copy(_place_at(source), _place_at(target), progress)


async def back_up_database(settings: Settings, file: Path) -> str:
    """Put a copy of the embedded database into a new file; return the version of its schema."""
    from auth_service.adapters.sql.moving.backup import back_up  # noqa: PLC0415 - the same

    place = _place(settings)
    if isinstance(place, PostgresPlace):
        raise StartError(f"{place.shown} is on a PostgreSQL server, which has its own way: pg_dump, and pg_restore.")
    with _told():
        return await back_up(place, file)


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int = 1,
    reload: bool = False,
    factory: str = "auth_service.wiring:app",
) -> None:
    """Serve until told to stop: in this process, or in several that share one socket.

    `factory` is where each of them finds what makes its app: a function that returns what `app` returns.
    """
    # Loaded here and not above: the rest of the command line has no need of a server.
    import uvicorn  # noqa: PLC0415

    from auth_service.api.server import uvicorn_options  # noqa: PLC0415

    set_up_log(settings.log_format)
    try:
        _bind(host, port).close()
    except OSError as error:
        sentence = f"Cannot listen on {host} port {port}: {error.strerror}. Give another --host or --port."
        raise StartError(sentence) from error
    for finding in examine(settings, host=host):
        if finding.weight == "dangerous":
            _log.warning("%s %s", finding.sentence, finding.remedy)
    # Here, once, before several processes would, and while a fault can still be told in a sentence.
    asyncio.run(_prepare(settings))
    if settings.frontend_url is None:
        # Links lead to where this service listens; the processes that serve read their settings for themselves.
        hand_down(FRONTEND_URL=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    uvicorn.run(
        factory,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        **uvicorn_options(),
    )


def app(*, mailer: Mailer | None = None) -> "ASGIApp":
    """Return the whole service as an ASGI app, for any server that speaks the lifespan protocol.

    Mail leaves by `mailer`, where there is one, and else as MAIL_URL says.
    """
    # Loaded here and not above: the rest of the command line has no need of the web.
    from auth_service.api.service import Service  # noqa: PLC0415

    settings = present_settings()
    set_up_log(settings.log_format)
    return Service(lambda: running(settings, mailer))


@asynccontextmanager
async def running(settings: Settings, mailer: Mailer | None = None) -> "AsyncIterator[ASGIApp]":
    """Give the app of an open core, with its postman and its upkeep at work."""
    from auth_service.api.app import create_app  # noqa: PLC0415
    from auth_service.api.cors import CrossOrigin  # noqa: PLC0415
    from auth_service.api.log import RequestLog  # noqa: PLC0415
    from auth_service.api.proxies import BehindProxies, UnnamedProxy  # noqa: PLC0415
    from auth_service.api.straight import StraightRoad  # noqa: PLC0415

    # In a thread and before anybody asks: read in the middle of a request, they would hold others up.
    await asyncio.to_thread(learn)
    async with _open(settings, mailer) as works, _at_work(works):
        made = create_app(works.core, _options(settings, works.keys.signer.public_keys), ping=works.ping)
        # What is there now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)
        road: ASGIApp = StraightRoad(made)
        open_to_others = CrossOrigin(road, settings.cors_origins) if settings.cors_origins else road
        logged = RequestLog(open_to_others, request_writer(settings.log_format), bind_request)
        proxies = settings.trusted_proxies
        yield BehindProxies(logged, proxies) if proxies else UnnamedProxy(logged)


def mail_writer(settings: Settings) -> MailWriter:
    """Return who writes mails as these settings have them."""
    own = settings.templates_dir / "mail" if settings.templates_dir else None
    try:
        return MailWriter(
            settings.site_name,
            settings.mail_from,
            logo_url=settings.logo_url,
            accent=settings.accent_color,
            templates_dir=own if own and own.is_dir() else None,
        )
    except ValueError as error:
        raise StartError(str(error)) from error


def preview_mails(settings: Settings, folder: Path, languages: Sequence[str]) -> int:
    """Write every mail there is, in these languages, into a folder; return how many files that made."""
    from auth_service.adapters.mail.preview import write_all  # noqa: PLC0415

    try:
        return write_all(mail_writer(settings), folder, languages or tuple(LANGUAGES))
    except OSError as error:
        raise StartError(f"The folder {folder} takes no files: {error.strerror}.") from error


def calibrate_hash(seconds: float, most_kib: int) -> "Cost":
    """Return what a password hash may cost on this machine."""
    from auth_service.adapters.crypto.calibration import propose  # noqa: PLC0415

    return propose(seconds, most_kib)


def openapi(settings: Settings) -> dict[str, object]:
    """Return the OpenAPI document of both dialects as these settings make them."""
    from auth_service.api.openapi import describe_service  # noqa: PLC0415

    return describe_service(settings.policy(), _options(settings))


async def _prepare(settings: Settings) -> None:
    """Find out what cannot be used, and make what is missing."""
    if settings.throttling and settings.throttle_url:
        async with _counts_in_redis(settings.throttle_url) as counts:
            if why := await counts.why_unusable():
                shown = hide_credentials(settings.throttle_url)
                raise StartError(f"The counts at {shown} cannot be had: {why}. Set THROTTLE_URL.")
    with _told():
        database = await _place(settings).open()
    try:
        async with _recording(database, _secret(settings)) as journal:
            await _watch_keys(settings, database, journal)
    finally:
        await database.close()
    mail_writer(settings)


@asynccontextmanager
async def _at_work(works: Works) -> AsyncIterator[None]:
    """Keep postman, upkeep and the watch on keys going; when told to stop, what is being done is finished first."""
    stopping = asyncio.Event()
    postman = asyncio.create_task(_deliver(works, stopping))
    upkeep = asyncio.create_task(_keep_up(works, stopping))
    clerk = asyncio.create_task(_record(works, stopping))
    watch = asyncio.create_task(_follow_keys(works, stopping))
    try:
        yield
    finally:
        stopping.set()
        works.outbox.wake()
        # A mail server that hangs must not hold the whole process up: the lease runs out, and the mail is sent again.
        _, late = await asyncio.wait((postman, upkeep, clerk, watch), timeout=_FINISHES_WITHIN)
        for task in late:
            task.cancel()
        await asyncio.gather(postman, upkeep, clerk, watch, return_exceptions=True)


async def _deliver(works: Works, stopping: asyncio.Event) -> None:
    """Send what is due, each mail by a hand of its own: one that hangs keeps its hand, and no other mail waits."""
    busy: set[asyncio.Task[None]] = set()

    def put_down(hand: asyncio.Task[None]) -> None:
        busy.discard(hand)
        # There is a hand free, and whoever came after in the same lane may be due.
        works.outbox.wake()

    async with asyncio.TaskGroup() as hands:
        while not stopping.is_set():
            try:
                claimed = await works.core.post.claim(HANDS - len(busy)) if len(busy) < HANDS else []
            except Busy:
                # Told by the storage already; it may be back soon.
                await asyncio.sleep(1.0)
                continue
            except Exception:  # noqa: BLE001 - whatever it is, the next mail is not to blame
                _log.exception("The postman stumbled and goes on")
                await asyncio.sleep(1.0)
                continue
            for queued in claimed:
                hand = hands.create_task(_deliver_one(works, queued))
                busy.add(hand)
                hand.add_done_callback(put_down)
                # A mail that a server has taken and that is not yet written down as sent goes out twice if the process
                # dies just then. One after the other, that is one mail; all at once, all of them. A slow one delays the
                # next for no longer than this.
                await asyncio.wait([hand], timeout=_NEXT_MAIL_AFTER)
            await works.outbox.wait(_LOOK_FOR_MAIL_EVERY)


async def _deliver_one(works: Works, queued: QueuedMail) -> None:
    try:
        await works.core.post.deliver(queued)
    except Busy:
        # Told by the storage already. The lease runs out, and it is tried again.
        return
    except Exception:  # noqa: BLE001 - as above; no other mail waits for that
        _log.exception("A mail could not be handled")


async def _record(works: Works, stopping: asyncio.Event) -> None:
    """Write the journal down twice a second: what a process that is killed had noted and not written is lost."""
    while not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECORD_EVERY):
                await stopping.wait()
        try:
            await works.journal.write_down()
        except Busy:
            continue
        except Exception:  # noqa: BLE001 - whatever it is, the service goes on
            _log.exception("The journal stumbled and goes on")


async def _keep_up(works: Works, stopping: asyncio.Event) -> None:
    """Write attendance down and sweep what has run out, now and then."""
    rounds = 0
    while not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_SWEEP_EVERY):
                await stopping.wait()
        rounds += 1
        try:
            if rounds % _WRITE_ATTENDANCE_EVERY_ROUNDS == 0:
                await works.attendance.write_down()
            if rounds % _MEND_EVERY_ROUNDS == 0:
                await works.upkeep.mend()
            if rounds % _FORGET_EVERY_ROUNDS == 0:
                await works.lapsed.sweep()
                await _forget(works, stopping)
            while await works.upkeep.sweep():
                if stopping.is_set():
                    break
                # Between two batches, others write.
                await asyncio.sleep(_SWEEP_PAUSE)
        except Busy:
            continue
        except Exception:  # noqa: BLE001 - whatever it is, the service goes on
            _log.exception("The upkeep stumbled and goes on")


async def _follow_keys(works: Works, stopping: asyncio.Event) -> None:
    """Look for new keys now and then. Apart from the upkeep, which may have much to remove: this must not wait."""
    while not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_FOR_KEYS_EVERY):
                await stopping.wait()
                return
        try:
            await works.keys.look()
        except Busy:
            continue
        except Exception:  # noqa: BLE001 - whatever it is, tokens go on being signed with the key there is
            _log.exception("The look for new keys failed, and is tried again")


async def _forget(works: Works, stopping: asyncio.Event) -> None:
    """Remove records whose time is over, a batch after another."""
    while await works.journal.forget(works.retention):
        if stopping.is_set():
            break
        # Between two batches, others write.
        await asyncio.sleep(_SWEEP_PAUSE)


async def _write_down_at_last(notes: SqlAttendance | SqlJournal) -> None:
    # Neither is worth a failed stop, where the database has gone first: outcomes stand in the log, too.
    with suppress(Busy):
        await notes.write_down()


def _options(settings: Settings, keys: Callable[[], Sequence[dict[str, str]]] = list) -> "Options":
    from auth_service.api.app import Options  # noqa: PLC0415
    from auth_service.api.djoser.desk import Retypes  # noqa: PLC0415

    return Options(
        retypes=Retypes(**{name: getattr(settings, name) for name in Retypes.__struct_fields__}),
        keys=keys,
        insecure_cookies=settings.debug,
        throttles=settings.throttling,
        site_name=settings.site_name,
        pages=_look(settings) if settings.pages else None,
    )


def _look(settings: Settings) -> "Look":
    from auth_service.api.pages.look import Look  # noqa: PLC0415

    appearance = Appearance(site_name=settings.site_name, logo_url=settings.logo_url, accent=settings.accent_color)
    own = settings.templates_dir / "pages" if settings.templates_dir else None
    return Look(appearance, templates=own, language=settings.language)


def _secret(settings: Settings) -> str:
    """Return the secret that links are signed and keys are sealed with; what is not given is made once, and kept."""
    with _key_told():
        if settings.secret_key is None and settings.sqlite_file is not None:
            return load_or_make_secret(_beside(settings.sqlite_file, "secret"))
        return settings.secret_key or ""


@asynccontextmanager
async def _recording(database: Database, secret: str) -> AsyncIterator[SqlJournal]:
    """Give the journal; what is noted last is written when this is left."""
    journal = SqlJournal(database, SystemClock(), Chain.keyed_by(secret))
    try:
        yield journal
    finally:
        await _write_down_at_last(journal)


async def _watch_keys(settings: Settings, database: Database, journal: SqlJournal) -> KeyWatch:
    """Return who signs tokens, and follows what becomes of the keys; where there are none, they are made."""
    ring = await _settled_keyring(settings, database, journal)
    sealed, file = SealedKeys(_secret(settings)), _key_file(settings)
    try:
        return await KeyWatch.begin(ring.keys, sealed, SystemClock(), file)
    except NotOurs as locked:
        raise StartError(
            f"The key {locked} that signs tokens was sealed with another SECRET_KEY. Set that one again; or have new"
            " keys made, while what the old one signed stays good, by: auth-service keys rotate --now."
        ) from locked


async def _settled_keyring(settings: Settings, database: Database, journal: SqlJournal) -> Keyring:
    sealed, file = SealedKeys(_secret(settings)), _key_file(settings)
    with _key_told():
        outside = file or (secret_as_key(sealed.secret) if settings.jwt_algorithm == "HS256" else None)
        ring = Keyring(
            keys=SqlKeys(database),
            maker=sealed,
            clock=SystemClock(),
            journal=StructlogJournal(journal),
            algorithm=settings.jwt_algorithm,
            token_lifetime=max(settings.jwt_access_token_lifetime, settings.jwt_refresh_token_lifetime),
            outside=None if outside is None else sealed.known(outside),
        )
        await ring.settle(lambda: _key_from_before(settings, sealed))
        return ring


def _key_file(settings: Settings) -> SigningKey | None:
    """Return the operator's own key."""
    with _key_told():
        if settings.jwt_algorithm == "HS256" or settings.jwt_private_key_file is None:
            return None
        return load_key(settings.jwt_algorithm, settings.jwt_private_key_file)


def _key_from_before(settings: Settings, sealed: SealedKeys) -> NewKey | None:
    """Return the key that an earlier version kept in a file beside the database: what it signed is still out."""
    file = settings.sqlite_file
    beside = None if file is None else _beside(file, f"{settings.jwt_algorithm.lower()}.pem")
    if settings.jwt_algorithm == "HS256" or beside is None or not beside.exists():
        return None
    found = sealed.keep(load_key(settings.jwt_algorithm, beside))
    _log.info("The signing key in %s is in the database from now on, sealed; the file is needed no more", beside)
    return found


@contextmanager
def _key_told() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise StartError(f"The key to sign with cannot be had: {error}.") from error


def _beside(file: Path, ending: str) -> Path:
    return file.absolute().with_name(f"{file.name}.{ending}")


@asynccontextmanager
async def _throttle(settings: Settings, database: Database) -> AsyncIterator[Throttle]:
    if not settings.throttling:
        yield OpenDoor()
    elif settings.throttle_url is None:
        yield SqlThrottle(database)
    else:
        async with _counts_in_redis(settings.throttle_url) as throttle:
            yield throttle


@asynccontextmanager
async def _counts_in_redis(url: str) -> "AsyncIterator[RedisThrottle]":
    try:
        from auth_service.adapters.redis.throttle import RedisThrottle  # noqa: PLC0415 - not everybody has its library
    except ModuleNotFoundError:
        raise StartError("THROTTLE_URL takes a package more: install auth-service[redis].") from None
    throttle = RedisThrottle(url)
    try:
        yield throttle
    finally:
        await throttle.close()


def _place(settings: Settings) -> SqlitePlace | PostgresPlace:
    return _place_at(settings.database_url, settings.database_connections, prepares=settings.database_prepares)


def _place_at(url: str, connections: int = 1, *, prepares: bool = True) -> SqlitePlace | PostgresPlace:
    file = file_of(url)
    if file is not None:
        return SqlitePlace(file.absolute())
    return PostgresPlace(url, hide_credentials(url), connections, prepares)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Unusable as unusable:
        raise StartError(str(unusable)) from unusable


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening
