"""Options: how the service is to look from outside."""

from collections.abc import Sequence

from msgspec import Struct

from auth_service.api.djoser.desk import Retypes
from auth_service.api.health import PublicKeys
from auth_service.api.pages.look import Look


class Options(Struct, frozen=True, kw_only=True):
    """How the service is to look from outside; what it does is the core's policy."""

    retypes: Retypes = Retypes()
    keys: PublicKeys = list
    insecure_cookies: bool = False
    throttles: bool = True
    site_name: str = "auth-service"
    # Whose pages may send cookies along, beside our own and the frontend's.
    named_origins: Sequence[str] = ()
    # None where people see the pages of a frontend, and none of ours.
    pages: Look | None = None
