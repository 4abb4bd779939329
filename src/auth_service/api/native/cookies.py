"""Cookies: how browsers keep the two tokens out of reach of scripts, and proof that a request is our own page's."""

from dataclasses import dataclass

from auth_service.api.answers import Headers
from auth_service.api.bodies import AnyRequest
from auth_service.api.origin import CrossSite, is_ours
from auth_service.domain.model import TokenPair

# The refresh token is worth two weeks of access: it travels to the two places that need it, and nowhere else.
_REFRESH_PATHS = ("/api/token/refresh", "/api/logout")
# Browsers take the prefix as a promise: from this host, over TLS, for all of it (RFC 6265bis 4.1.3).
ACCESS_COOKIE = "__Host-access"
INSECURE_ACCESS_COOKIE = "access"
REFRESH_COOKIE = "refresh"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Cookies:
    """Sets, reads and clears the cookies. Without `Secure` only where DEBUG says that there is no TLS."""

    access_lifetime: int
    refresh_lifetime: int
    frontend_url: str
    insecure: bool
    named_origins: frozenset[str] = frozenset()

    def put(self, pair: TokenPair) -> Headers:
        """Return the headers that hand both tokens to a browser; a refresh token that is None stays as it is."""
        found = [self._cookie(self._access, pair.access, "/", self.access_lifetime)]
        if pair.refresh is not None:
            found += [
                self._cookie(REFRESH_COOKIE, pair.refresh, path, self.refresh_lifetime) for path in _REFRESH_PATHS
            ]
        return found

    def clear(self, request: AnyRequest) -> Headers:
        """Return the headers that take both away; none where a page of another site, with a token of its own, asks."""
        if not is_ours(request, self.frontend_url, if_told=True, named=self.named_origins):
            return ()
        return [
            self._cookie(self._access, "", "/", 0),
            *(self._cookie(REFRESH_COOKIE, "", path, 0) for path in _REFRESH_PATHS),
        ]

    def access(self, request: AnyRequest) -> str | None:
        """Return the access token a browser sent along, if it did."""
        return request.cookies.get(self._access)

    def refresh(self, request: AnyRequest) -> str | None:
        """Return the refresh token a browser sent along, if it did."""
        return request.cookies.get(REFRESH_COOKIE)

    def prove_same_origin(self, request: AnyRequest, *, if_told: bool = False) -> None:
        """Refuse an unsafe request that cannot be shown to come from our own pages or the frontend's.

        Programs tell nothing of where they are: `if_told` lets them in, where no cookie speaks for anybody yet.
        """
        if request.method not in _SAFE and not is_ours(
            request, self.frontend_url, if_told=if_told, named=self.named_origins
        ):
            raise CrossSite

    @property
    def _access(self) -> str:
        return INSECURE_ACCESS_COOKIE if self.insecure else ACCESS_COOKIE

    def _cookie(self, name: str, value: str, path: str, lifetime: int) -> tuple[bytes, bytes]:
        secure = "" if self.insecure else "; Secure"
        text = f"{name}={value}; Path={path}; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}"
        return (b"set-cookie", text.encode("latin-1"))
