"""What the journal asks of its database."""

from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, literal_column, select, update

from auth_service.adapters.sql.rows import JournalHeadRow, JournalRow
from auth_service.adapters.sql.statements import Statement, table

_journal = table(JournalRow)
_head = table(JournalHeadRow)
_THE_HEAD: Final[ColumnElement[int]] = literal_column("1")
RECORD_COLUMNS = tuple(_journal.c)
_ENDS = ("last_id", "last_mac", "gone_id", "gone_mac", "seal")

_reach = (
    select(func.min(_journal.c.id)).scalar_subquery().label("oldest"),
    select(func.max(_journal.c.id)).scalar_subquery().label("newest"),
)
# In one statement: the two of them as they are at one moment.
HEAD = Statement(select(*(_head.c[name] for name in _ENDS), *_reach).where(_head.c.id == _THE_HEAD))
REACH = Statement(select(*_reach))
# Of several processes one moves the head; the others hit no row, look again and chain on to what that one wrote.
MOVE_HEAD = Statement(
    update(_head)
    .where(
        _head.c.id == _THE_HEAD,
        _head.c.last_id == bindparam("was_last_id"),
        _head.c.gone_id == bindparam("was_gone_id"),
        _head.c.seal == bindparam("was_seal"),
    )
    .values({name: bindparam(name) for name in _ENDS})
)
PUT_HEAD = Statement(insert(_head).inline().values(id=1, **{name: bindparam(name) for name in _ENDS}))
MAC_OF = Statement(select(_journal.c.mac).where(_journal.c.id == bindparam("id")))
FORGET = Statement(delete(_journal).where(_journal.c.id <= bindparam("up_to")))

TOGETHER: Final = 32


@cache
def put(count: int) -> Statement:
    """Return what adds so many records in one go: their values are `id_0`, `at_0`, … `id_1`, …"""
    return Statement(
        insert(_journal)
        .inline()
        .values([{column.name: bindparam(f"{column.name}_{row}") for column in _journal.c} for row in range(count)])
    )


@cache
def page(*by: str, newest_first: bool) -> Statement:
    """Return what reads records after an id, or the newest, of what `by` names: `user_id`, `what`, `since`."""
    wanted = {
        "user_id": _journal.c.user_id == bindparam("user_id"),
        "what": _journal.c.what == bindparam("what"),
        "since": _journal.c.at >= bindparam("since"),
    }
    order = _journal.c.id.desc() if newest_first else _journal.c.id
    chosen = select(*RECORD_COLUMNS).where(_journal.c.id > bindparam("after"), *(wanted[name] for name in by))
    return Statement(chosen.order_by(order).limit(bindparam("most")))
