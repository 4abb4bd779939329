"""Staff: who may look after the accounts of others, and what is there for everybody else: nothing."""

from auth_service.domain.errors import NotFound
from auth_service.domain.model import Caller, Client
from auth_service.domain.outcomes import refusals_noted
from auth_service.domain.ports.surroundings import Journal


def admit(caller: Caller, client: Client, journal: Journal) -> None:
    """Refuse whoever is no member of staff, as if nothing were here. Whoever goes looking for it is noted."""
    if caller.user.is_staff and caller.user.is_active:
        return
    with refusals_noted(
        journal, "administration_refused", client, user_id=caller.user.id, session_id=caller.session_id
    ):
        raise NotFound
