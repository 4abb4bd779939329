"""The secret and the keys of these settings: what is not given is made once, and kept."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from auth_service.adapters.crypto.key_watch import KeyWatch
from auth_service.adapters.crypto.keys import SigningKey, load_key, load_or_make_secret, secret_as_key
from auth_service.adapters.crypto.sealed_keys import NotOurs, SealedKeys
from auth_service.adapters.crypto.system import SystemClock
from auth_service.adapters.log import StructlogJournal
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.journal import SqlJournal
from auth_service.adapters.sql.keys import SqlKeys
from auth_service.domain.keyring import Keyring
from auth_service.domain.keys import NewKey
from auth_service.settings import Settings
from auth_service.wiring.places import StartError, place_of, told
from auth_service.wiring.recording import recording

_log = logging.getLogger("auth_service")


@asynccontextmanager
async def open_keyring(settings: Settings) -> AsyncIterator[Keyring]:
    """Open what the signing keys are kept in, and use none of them: also where our secret does not open them."""
    with told():
        database = await place_of(settings).open()
    try:
        async with recording(database, secret_of(settings)) as journal:
            yield await _settled_keyring(settings, database, journal)
    finally:
        await database.close()


def secret_of(settings: Settings) -> str:
    """Return the secret that links are signed and keys are sealed with; what is not given is made once, and kept."""
    with _key_told():
        if settings.secret_key is None and settings.sqlite_file is not None:
            return load_or_make_secret(_beside(settings.sqlite_file, "secret"))
        return settings.secret_key or ""


async def watch_keys(settings: Settings, database: Database, journal: SqlJournal) -> KeyWatch:
    """Return who signs tokens, and follows what becomes of the keys; where there are none, they are made."""
    ring = await _settled_keyring(settings, database, journal)
    sealed, file = SealedKeys(secret_of(settings)), _key_file(settings)
    try:
        return await KeyWatch.begin(ring.keys, sealed, SystemClock(), file)
    except NotOurs as locked:
        raise StartError(
            f"The key {locked} that signs tokens was sealed with another SECRET_KEY. Set that one again; or have new"
            " keys made, while what the old one signed stays good, by: auth-service keys rotate --now."
        ) from locked


async def _settled_keyring(settings: Settings, database: Database, journal: SqlJournal) -> Keyring:
    sealed, file = SealedKeys(secret_of(settings)), _key_file(settings)
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
