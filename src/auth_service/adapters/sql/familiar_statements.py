"""Statements about familiar places: looked at, arrived at, forgotten."""

from sqlalchemy import Double, bindparam, case, delete, func, select
from sqlalchemy.dialects import postgresql

from auth_service.adapters.sql.rows import FamiliarRow
from auth_service.adapters.sql.statements import Statement, table

_familiar = table(FamiliarRow)

# One look at one's own few rows, whatever there is: it takes the same time for nobody.
LOOK_AT_PLACE = Statement(
    select(
        func.max(case((_familiar.c.place == bindparam("place"), _familiar.c.last_seen_at), else_=0.0)),
        func.count(),
    ).where(_familiar.c.user_id == bindparam("user_id"))
)
_arrival = postgresql.insert(_familiar).values(
    user_id=bindparam("user_id"), place=bindparam("place"), first_seen_at=bindparam("at"), last_seen_at=bindparam("at")
)
ARRIVE = Statement(
    _arrival.on_conflict_do_update(
        index_elements=[_familiar.c.user_id, _familiar.c.place],
        set_={"last_seen_at": _arrival.excluded.last_seen_at},
        where=_familiar.c.last_seen_at == bindparam("seen_at", type_=Double),
    )
)
_kept = (
    select(_familiar.c.place)
    .where(_familiar.c.user_id == bindparam("the_user"))
    .order_by(_familiar.c.last_seen_at.desc(), _familiar.c.place)
    .limit(bindparam("most"))
)
FORGET_PLACES = Statement(delete(_familiar).where(_familiar.c.user_id == bindparam("the_user")))
FORGET_OLD_PLACES = Statement(
    delete(_familiar).where(_familiar.c.user_id == bindparam("the_user"), _familiar.c.place.not_in(_kept))
)
