"""How staff ask for people: by what stands in a query or in a path, the same over the wire and on pages."""

import re
from urllib.parse import parse_qsl

from auth_service.api.bodies import AnyRequest
from auth_service.domain.directory import Asked

_NUMBER = re.compile(r"[0-9]{1,19}")


def query_of(request: AnyRequest) -> dict[str, str]:
    """Return what was asked in the query; what is empty was not asked, as in a form that was not filled in."""
    found = dict(parse_qsl(request.scope["query_string"].decode(errors="replace")))
    return {name: found[name] for name in Asked.__struct_fields__ if name in found}


def number_in(text: str) -> int | None:
    """Return the id that stands in a path, or None where nobody can have it."""
    return int(text) if _NUMBER.fullmatch(text) else None
