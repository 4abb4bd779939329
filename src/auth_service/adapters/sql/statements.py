"""Statements about accounts, sign-ins and attempts, each built once from the tables; and what a statement is."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Table,
    and_,
    bindparam,
    case,
    delete,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import Compiled, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from auth_service.adapters.sql.rows import AttemptsRow, RevokedTokenRow, SessionRow, SigningKeyRow, UserRow
from auth_service.domain.ports.throttle import MOST_DOUBLINGS

Values = Mapping[str, object]
_SQLITE = sqlite.dialect(paramstyle="named")


class Statement:
    """A statement, as SQLAlchemy has it and as text for the hot road of SQLite."""

    def __init__(self, clause: ClauseElement) -> None:
        self.clause = clause

    @cached_property
    def sqlite(self) -> str:
        """The text that SQLite's own driver takes, with named parameters."""
        return str(self._compiled)

    def values(self, given: Values) -> Values:
        """Return all values: those given, and the constants that stand in the statement itself."""
        return {**self._constants, **given} if self._constants else given

    @cached_property
    def _compiled(self) -> Compiled:
        return self.clause.compile(dialect=_SQLITE)

    @cached_property
    def _constants(self) -> Values:
        return {name: value for name, value in (self._compiled.params or {}).items() if value is not None}


class Write(NamedTuple):
    """A statement with its values. `must_hit`: if it changes no row, somebody else was faster."""

    statement: Statement
    values: Values
    must_hit: bool = False


class database_now(FunctionElement[float]):  # noqa: N801 - reads as the function it is
    """The database's own clock: leases must not depend on whose process looks at them."""

    type = Double()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _now_in_sqlite(_element: object, _compiler: SQLCompiler, **_: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now, "postgresql")
def _now_in_postgresql(_element: object, _compiler: SQLCompiler, **_: Any) -> str:  # noqa: ANN401 - the same
    # The same all through a statement, unlike clock_timestamp(): only what cannot change may be looked up in an index.
    return "extract(epoch from statement_timestamp())::double precision"


def table(row: type) -> Table:
    """Return the table of a mapped class."""
    found: FromClause = row.__table__  # type: ignore[attr-defined]
    assert isinstance(found, Table)  # noqa: S101 - a mapped class has one
    return found


_users = table(UserRow)
_sessions = table(SessionRow)
_revoked = table(RevokedTokenRow)
_attempts = table(AttemptsRow)
_signing_keys = table(SigningKeyRow)

USER_COLUMNS = tuple(column for column in _users.c if not column.name.endswith("_key"))
SESSION_COLUMNS = tuple(_sessions.c)
_USER_WRITTEN = tuple(column.name for column in _users.c if column.name not in {"id", "version"})


def _given(*names: str) -> dict[str, ColumnElement[Any]]:
    return {name: bindparam(name) for name in names}


# --- users

USER_BY_ID = Statement(select(*USER_COLUMNS).where(_users.c.id == bindparam("id")))
USER_BY_USERNAME = Statement(select(*USER_COLUMNS).where(_users.c.username_key == bindparam("key")))
USER_BY_EMAIL = Statement(select(*USER_COLUMNS).where(_users.c.email_key == bindparam("key")))
USER_PAGE = Statement(
    select(*USER_COLUMNS).where(_users.c.id > bindparam("after")).order_by(_users.c.id).limit(bindparam("most"))
)
ESCAPE = "/"


@cache
def user_search(*by: str) -> Statement:
    """Return what reads accounts from the newest on, of those that fit all of `by`; a text may fit in three ways.

    It goes backwards through the primary key until there are enough. A text that may stand anywhere has no index: at a
    million accounts, one that nobody has takes 0.2 s in SQLite and 0.3 s in PostgreSQL, and one that many have 1 ms.
    """
    anywhere = {
        "name_like": _users.c.username_key.like(bindparam("name_like"), escape=ESCAPE),
        "email_like": _users.c.email_key.like(bindparam("email_like"), escape=ESCAPE),
        "id": _users.c.id == bindparam("id"),
    }
    facts = {
        "state": _users.c.state == bindparam("state"),
        "is_staff": _users.c.is_staff == bindparam("is_staff"),
        "email_confirmed": _users.c.email_confirmed == bindparam("email_confirmed"),
        "before": _users.c.id < bindparam("before"),
    }
    text = [anywhere[name] for name in by if name in anywhere]
    wanted = [facts[name] for name in by if name in facts] + ([or_(*text)] if text else [])
    return Statement(select(*USER_COLUMNS).where(*wanted).order_by(_users.c.id.desc()).limit(bindparam("most")))


ADD_USER = Statement(insert(_users).values(**_given(*_USER_WRITTEN), version=1).returning(_users.c.id))
SAVE_USER = Statement(
    update(_users)
    .where(_users.c.id == bindparam("the_id"), _users.c.version == bindparam("the_version"))
    .values(**_given(*(name for name in _USER_WRITTEN if name != "signed_in_at")), version=_users.c.version + 1)
)
SIGNED_IN = Statement(update(_users).where(_users.c.id == bindparam("the_id")).values(signed_in_at=bindparam("at")))
REMOVE_USER = Statement(
    delete(_users).where(_users.c.id == bindparam("the_id"), _users.c.version == bindparam("the_version"))
)

# --- sessions

_with_user = select(*SESSION_COLUMNS, *USER_COLUMNS).join_from(_sessions, _users)
SESSION_WITH_USER = Statement(_with_user.where(_sessions.c.id == bindparam("id")))
SESSION_BY_TOKEN = Statement(_with_user.where(_sessions.c.token_hash == bindparam("token_hash")))
SESSIONS_OF_USER = Statement(
    select(*SESSION_COLUMNS)
    .where(_sessions.c.user_id == bindparam("user_id"))
    .order_by(_sessions.c.created_at.desc(), _sessions.c.id)
)
IS_REVOKED = Statement(select(literal_column("1")).select_from(_revoked).where(_revoked.c.id == bindparam("id")))
# Between the proof of a password and the session there is time for a reset or a deactivation: then there is none.
OPEN_SESSION = Statement(
    insert(_sessions)
    .from_select(
        _sessions.c.keys(),
        # Locked, so that of a sign-in and a reset at once one waits for the other and sees what it did.
        select(*(bindparam(column.name, type_=column.type) for column in _sessions.c))
        .select_from(_users)
        .where(
            _users.c.id == bindparam("user_id"),
            _users.c.stamp == bindparam("stamp"),
            _users.c.state == literal_column("'active'"),
        )
        .with_for_update(read=True),
    )
    .inline()
)
ROTATE = Statement(
    update(_sessions)
    .where(
        _sessions.c.id == bindparam("the_id"),
        _sessions.c.refresh_id == bindparam("spent"),
        _sessions.c.refresh_revoked.is_(False),
    )
    .values(
        refresh_id=bindparam("successor"),
        spent_refresh_id=bindparam("spent"),
        rotated_at=bindparam("at"),
        expires_at=bindparam("ends"),
    )
)
REVOKE_REFRESH = Statement(
    update(_sessions)
    .where(_sessions.c.id == bindparam("the_id"), _sessions.c.refresh_revoked.is_(False))
    .values(refresh_revoked=True, expires_at=bindparam("ends"))
)
REVOKE_FOREIGN = Statement(insert(_revoked).values(**_given("id", "expires_at")))
END_SESSION = Statement(delete(_sessions).where(_sessions.c.id == bindparam("the_id")))
END_EVERY_SESSION = Statement(delete(_sessions))
# The version moves too: whoever read an account before would write the old date back.
VOID_FOREIGN_TOKENS = Statement(
    update(_users)
    .where(_users.c.tokens_from < bindparam("at"))
    .values(tokens_from=bindparam("at"), version=_users.c.version + 1)
)
END_SESSIONS = Statement(
    delete(_sessions).where(
        _sessions.c.user_id == bindparam("the_user"),
        _sessions.c.id != bindparam("but"),
        or_(bindparam("kind") == "", _sessions.c.kind == bindparam("kind")),
    )
)
SEEN = Statement(
    update(_sessions)
    .where(_sessions.c.id == bindparam("the_id"), _sessions.c.last_seen_at < bindparam("at"))
    .values(last_seen_at=bindparam("at"))
)

# --- attempts

# The form that both databases understand: SQLAlchemy writes the one for PostgreSQL for SQLite too.
_attempt = postgresql.insert(_attempts).values(
    key=bindparam("key"),
    count=1,
    window_ends=database_now() + bindparam("window", type_=Double),
    free_at=database_now() + bindparam("first_pause", type_=Double),
)
# A window that ends later than one that begins now was opened by a clock that has been set back since; a second is
# left for those who looked at the clock just before it was opened.
_window_is_over = or_(
    _attempts.c.window_ends <= database_now(), _attempts.c.window_ends > _attempt.excluded.window_ends + 1.0
)
# `Counter.pause_after`, of the attempt that is counted.
_beyond = _attempts.c["count"] + 1 - bindparam("free", type_=Integer)
_doublings = case((_beyond > MOST_DOUBLINGS, MOST_DOUBLINGS), else_=_beyond)
_grown = bindparam("pause", type_=Double) * literal_column("1").bitwise_lshift(_doublings)
_longest: ColumnElement[float] = bindparam("longest_pause", type_=Double)
_pause = case((_beyond < 0, literal_column("0.0")), (_grown > _longest, _longest), else_=_grown)
TAKE_ATTEMPT = Statement(
    _attempt.on_conflict_do_update(
        index_elements=[_attempts.c.key],
        set_={
            "count": case((_window_is_over, 1), else_=_attempts.c["count"] + 1),
            "window_ends": case((_window_is_over, _attempt.excluded.window_ends), else_=_attempts.c.window_ends),
            "free_at": case((_window_is_over, _attempt.excluded.free_at), else_=database_now() + _pause),
        },
        # A counter that is full, or in a pause, is left alone, and the statement hits no row.
        where=or_(
            _window_is_over,
            and_(
                _attempts.c["count"] < bindparam("most", type_=Integer),
                _attempts.c.free_at <= database_now(),
            ),
        ),
    )
)
_ends_waiting = case(
    (_attempts.c["count"] >= bindparam("most", type_=Integer), _attempts.c.window_ends), else_=_attempts.c.free_at
)
WAIT_FOR_ATTEMPT = Statement(
    select(_ends_waiting - database_now()).where(
        _attempts.c.key == bindparam("key"),
        _attempts.c.window_ends > database_now(),
        _ends_waiting > database_now(),
    )
)

# --- signing keys

SIGNING_KEYS = Statement(select(*_signing_keys.c))
ADD_SIGNING_KEY = Statement(insert(_signing_keys).values(**_given(*_signing_keys.c.keys())).inline())
REMOVE_SIGNING_KEY = Statement(
    delete(_signing_keys).where(
        _signing_keys.c.kid == bindparam("the_kid"), _signing_keys.c.state == bindparam("the_state")
    )
)

PING = Statement(select(literal_column("1")))
