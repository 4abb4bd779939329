"""Cookies of the pages: the sign-in, one sentence for the next page, and whether the browser keeps any at all."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from auth_service.api.bodies import AnyRequest

Cookie = tuple[bytes, bytes]

_NEXT_PAGE = 60
_MAIL_UNDER_WAY = 600


@dataclass(frozen=True, slots=True)
class Cookies:
    """Sets, reads and clears cookies that no script can read and no other host can plant (RFC 6265bis 4.1.3)."""

    lifetime: int
    insecure: bool

    def keep(self, token: str) -> Cookie:
        """Hand a browser its sign-in."""
        return self._set("session", token, self.lifetime)

    def drop(self) -> Cookie:
        """Take it away."""
        return self._set("session", "", 0)

    def token(self, request: AnyRequest) -> str | None:
        """Return the sign-in a browser sent along, if it did."""
        return self._get(request, "session")

    def notice(self, code: str) -> Cookie:
        """Have the next page say what was done."""
        return self._set("notice", code, _NEXT_PAGE if code else 0)

    def noticed(self, request: AnyRequest) -> str | None:
        """Return what this page is to say."""
        return self._get(request, "notice")

    def mailed(self, address: str) -> Cookie:
        """Have the next page know where a mail has gone: who mistyped their address sees it there."""
        return self._set("mailed", urlsafe_b64encode(address.encode()).rstrip(b"=").decode(), _MAIL_UNDER_WAY)

    def mailed_to(self, request: AnyRequest) -> str:
        """Return where a mail has gone, as far as this browser knows."""
        text = self._get(request, "mailed") or ""
        try:
            return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except ValueError:
            return ""

    def probe(self) -> Cookie:
        """Give a browser something to bring back: without cookies there is no staying signed in."""
        return self._set("probe", "1", None)

    def are_kept(self, request: AnyRequest) -> bool:
        """Did it bring it back?"""
        return self._get(request, "probe") is not None

    def _name(self, name: str) -> str:
        return name if self.insecure else f"__Host-{name}"

    def _get(self, request: AnyRequest, name: str) -> str | None:
        return request.cookies.get(self._name(name))

    def _set(self, name: str, value: str, lifetime: int | None) -> Cookie:
        age = "" if lifetime is None else f"; Max-Age={lifetime}"
        secure = "" if self.insecure else "; Secure"
        text = f"{self._name(name)}={value}; Path=/{age}; HttpOnly; SameSite=Lax{secure}"
        return (b"set-cookie", text.encode("latin-1"))
