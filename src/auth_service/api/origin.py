"""Origins: proof that a request which may change something comes from our own pages or the frontend's.

Browsers send `Sec-Fetch-Site` and `Origin`, and no script of another site can forge them.
"""

from urllib.parse import urlsplit

from auth_service.api.bodies import AnyRequest

_USUAL_PORTS = {"http": ":80", "https": ":443"}


class CrossSite(Exception):  # noqa: N818 - an answer to the client
    """A request might have been made by a page of another site, in the name of whoever looked at it."""


def is_ours(request: AnyRequest, frontend_url: str, *, if_told: bool, named: frozenset[str] = frozenset()) -> bool:
    """Say whether a request comes from a page of ours, or of an origin that the operator `named`.

    Of one that tells neither where it comes from, say what `if_told` says.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return if_told
    if site == "same-origin" or (site == "none" and origin is None):
        return True
    return origin is not None and (origin in named or origin in _own_origins(request, frontend_url))


def origin_of(url: str) -> str:
    """Return the origin of an address as browsers write it: in lower case, without the port that goes unsaid."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_USUAL_PORTS.get(parts.scheme, ''))}"


def _own_origins(request: AnyRequest, frontend_url: str) -> set[str]:
    host = request.headers.get("host", "")
    return {origin_of(frontend_url), f"http://{host}", f"https://{host}"}
