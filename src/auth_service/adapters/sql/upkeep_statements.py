"""Statements of the upkeep: whose turn it is, what has run out, and what a clock that was set back has left behind."""

from sqlalchemy import (
    ColumnElement,
    Double,
    String,
    Table,
    and_,
    bindparam,
    case,
    delete,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql

from auth_service.adapters.sql.rows import (
    AttemptsRow,
    ChoreRow,
    FamiliarRow,
    MailRow,
    RevokedTokenRow,
    SessionRow,
    SigningKeyRow,
)
from auth_service.adapters.sql.statements import Statement, database_now, table

_sessions, _revoked, _attempts = table(SessionRow), table(RevokedTokenRow), table(AttemptsRow)
_outbox, _chores, _signing_keys = table(MailRow), table(ChoreRow), table(SigningKeyRow)
_familiar = table(FamiliarRow)
_now = database_now()

# The form that both databases understand: SQLAlchemy writes the one for PostgreSQL for SQLite too.
_taken = postgresql.insert(_chores).values(
    name=bindparam("chore", type_=String),
    holder=bindparam("me", type_=String),
    held_until=_now + bindparam("lease", type_=Double),
)
TAKE_TURN = Statement(
    _taken.on_conflict_do_update(
        index_elements=[_chores.c.name],
        set_={"holder": _taken.excluded.holder, "held_until": _taken.excluded.held_until},
        where=or_(
            _chores.c.holder == _taken.excluded.holder,
            _chores.c.held_until <= _now,
            # Taken by a clock that has been set back since.
            _chores.c.held_until > _taken.excluded.held_until + 1.0,
        ),
    )
)


_RUN_OUT: dict[Table, ColumnElement[bool]] = {
    _sessions: _sessions.c.expires_at < _now,
    _revoked: _revoked.c.expires_at < _now,
    _attempts: _attempts.c.window_ends < _now,
    _familiar: _familiar.c.last_seen_at < _now - bindparam("places_kept", type_=Double),
    _signing_keys: _signing_keys.c.good_until < _now,
    _outbox: and_(
        _outbox.c.done_at < _now - bindparam("kept", type_=Double),
        or_(
            _outbox.c.state != literal_column("'dead'"),
            _outbox.c.done_at < _now - bindparam("dead_kept", type_=Double),
        ),
    ),
}
ANYTHING_TO_SWEEP = Statement(
    select(or_(*(select(literal_column("1")).where(run_out).exists() for run_out in _RUN_OUT.values())))
)


def _sweep(what: Table, run_out: ColumnElement[bool]) -> Statement:
    """Remove a few rows and name the table once for each. What somebody is at just now is left for the next time."""
    columns = list(what.primary_key)
    key = columns[0] if len(columns) == 1 else tuple_(*columns)
    # Carried out once: inside the condition PostgreSQL may ask it again for every row, past any limit.
    few = select(*columns).where(run_out).limit(bindparam("most")).with_for_update(skip_locked=True).cte("few")
    return Statement(delete(what).where(key.in_(select(*few.c))).returning(literal_column(f"'{what.name}'")))


SWEEPS = tuple(_sweep(what, run_out) for what, run_out in _RUN_OUT.items())

# Whoever scheduled something later than now has had a clock that was set back since. Who holds a mail gets a new lease.
MEND_SCHEDULE = Statement(
    update(_outbox)
    .where(
        _outbox.c.state == literal_column("'waiting'"),
        # Always true, and what makes the index over those that wait fit.
        _outbox.c.due_at > literal_column("0"),
        _outbox.c.scheduled_at > _now + 1.0,
    )
    .values(
        due_at=_now,
        scheduled_at=_now,
        leased_until=case(
            (and_(_outbox.c.leased_until > _now), _now + bindparam("new_lease", type_=Double)), else_=0.0
        ),
    )
)
