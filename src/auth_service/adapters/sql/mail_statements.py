"""Statements about mails: queued, claimed in the order of their lanes, done with, and mended."""

from sqlalchemy import (
    ColumnElement,
    Double,
    and_,
    bindparam,
    case,
    exists,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from auth_service.adapters.sql.rows import MailRow
from auth_service.adapters.sql.statements import Statement, database_now, table

# A mail that is due so soon may be somebody's before this statement is done: no younger one passes it. Longer than any
# statement may take.
_SOON = 6.0

_outbox = table(MailRow)
_other = _outbox.alias("other")
# Spelled out, and not bound, for that is how an index over some rows is found to fit.
_WAITING: ColumnElement[str] = literal_column("'waiting'")
_SENT: ColumnElement[str] = literal_column("'sent'")
_SUPERSEDED: ColumnElement[str] = literal_column("'superseded'")
_NONE: ColumnElement[str] = literal_column("''")
_now = database_now()
_id: ColumnElement[int] = bindparam("the_id")

MAIL_COLUMNS = tuple(
    _outbox.c[name]
    for name in (
        "id",
        "message_id",
        "attempts",
        "kind",
        "recipient",
        "user_id",
        "address",
        "agent",
        "at",
        "language",
        "state",
    )
)
PUT_MAIL = Statement(
    insert(_outbox)
    .inline()
    .values(
        **{
            name: bindparam(name)
            for name in ("message_id", "kind", "recipient", "user_id", "address", "agent", "at", "lane", "language")
        },
        state="waiting",
        due_at=_now,
        scheduled_at=_now,
        leased_until=0.0,
        attempts=0,
        why="",
    )
)

_same_lane = and_(_outbox.c.lane != _NONE, _other.c.lane != _NONE, _other.c.lane == _outbox.c.lane)
# What was tried and finds a newer one of its lane, sent or about to be, is not tried again.
_superseded = and_(
    _outbox.c.attempts > 0,
    exists().where(_same_lane, _other.c.id > _outbox.c.id, _other.c.state.in_([_WAITING, _SENT])),
)
# Two processes may look at once, and neither sees what the other has begun: so what one of them could just be taking
# counts as taken by both.
_blocked = exists().where(
    _same_lane,
    _other.c.id != _outbox.c.id,
    _other.c.state == _WAITING,
    or_(_other.c.leased_until > _now, and_(_other.c.id < _outbox.c.id, _other.c.due_at <= _now + _SOON)),
)
# A query of its own, carried out once: inside the condition PostgreSQL may ask it again for every row, and each time it
# skips the rows that were locked before and finds others, past any limit.
_due = (
    select(_outbox.c.id)
    .where(
        _outbox.c.state == _WAITING,
        _outbox.c.due_at <= _now,
        _outbox.c.leased_until <= _now,
        or_(_superseded, ~_blocked),
    )
    .order_by(_outbox.c.due_at, _outbox.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
CLAIM_MAIL = Statement(
    update(_outbox)
    .where(_outbox.c.id.in_(select(_due.c.id)))
    .values(
        state=case((_superseded, _SUPERSEDED), else_=_outbox.c.state),
        done_at=case((_superseded, _now), else_=null()),
        leased_until=case((_superseded, 0.0), else_=_now + bindparam("lease", type_=Double)),
        attempts=case((_superseded, _outbox.c.attempts), else_=_outbox.c.attempts + 1),
        scheduled_at=_now,
    )
    .returning(*MAIL_COLUMNS)
)
MAIL_SENT = Statement(update(_outbox).where(_outbox.c.id == _id).values(state="sent", done_at=_now, leased_until=0.0))
SUPERSEDE = Statement(
    update(_outbox)
    .where(
        _outbox.c.lane == bindparam("the_lane"),
        _outbox.c.lane != _NONE,
        _outbox.c.id < _id,
        _outbox.c.state == _WAITING,
        _outbox.c.attempts > 0,
        _outbox.c.leased_until <= _now,
    )
    .values(state="superseded", done_at=_now)
)
# Who reports a failure after their lease ran out must not free what another holds by now: the count tells them apart.
_still_mine = and_(_outbox.c.id == _id, _outbox.c.attempts == bindparam("attempt"), _outbox.c.state == _WAITING)
MAIL_FAILED = Statement(
    update(_outbox)
    .where(_still_mine)
    .values(
        due_at=_now + bindparam("retry_in", type_=Double), scheduled_at=_now, leased_until=0.0, why=bindparam("reason")
    )
)
MAIL_DEAD = Statement(
    update(_outbox).where(_still_mine).values(state="dead", done_at=_now, leased_until=0.0, why=bindparam("reason"))
)

# --- for the operator

KEPT_COLUMNS = (*MAIL_COLUMNS, _outbox.c.due_at, _outbox.c.why, _outbox.c.leased_until > _now)
KEPT_MAIL = Statement(select(*KEPT_COLUMNS).where(_outbox.c.id == _id))
_page = select(*KEPT_COLUMNS).where(_outbox.c.id > bindparam("after")).order_by(_outbox.c.id).limit(bindparam("most"))
MAIL_PAGE = Statement(_page)
MAIL_PAGE_OF_STATE = Statement(_page.where(_outbox.c.state == bindparam("state")))
_mendable = and_(
    _outbox.c.id == _id, _outbox.c.state.in_([_WAITING, literal_column("'dead'")]), _outbox.c.leased_until <= _now
)
RETRY_MAIL = Statement(
    update(_outbox)
    .where(_mendable)
    .values(state="waiting", due_at=_now, scheduled_at=_now, attempts=0, done_at=null())
    .returning(_outbox.c.id)
)
DROP_MAIL = Statement(update(_outbox).where(_mendable).values(state="dropped", done_at=_now).returning(_outbox.c.id))
