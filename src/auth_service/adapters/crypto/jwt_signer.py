"""Tokens as signed JWTs: made, checked, and published keys to check them by."""

import re
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from auth_service.adapters.crypto.algorithms import ALGORITHMS, CheckingKey, as_base64, checking_half, from_base64
from auth_service.adapters.crypto.keys import SigningKey
from auth_service.domain.errors import TokenRejected
from auth_service.domain.model import Claims

Look = Callable[[], Awaitable[None]]

_LONGEST_TOKEN = 8_192
_KNOWN_TOKENS = 16_384
_FORGOTTEN_AT_ONCE = 1_024
# Base64url without padding, line ends or anything else (RFC 7515, 2): one spelling a token.
_COMPACT = re.compile(r"(([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]+)")
# RFC 7638: every key of ours is called by its SHA-256 thumbprint. A name of another form is nobody's to look for.
_THUMBPRINT = re.compile(r"[\w-]{43}", re.ASCII)


class _Header(Struct):
    """What the header of a token may say.

    Whatever would have us use another key, or another way of reading, is named here to be refused; what is left unnamed
    is ignored (RFC 7515, 4).
    """

    alg: str
    typ: str = "JWT"
    kid: str | None = None
    crit: Any = UNSET
    b64: Any = UNSET
    jwk: Any = UNSET
    jku: Any = UNSET
    x5u: Any = UNSET
    x5c: Any = UNSET

    @property
    def is_plain(self) -> bool:
        """Does it ask for nothing but a signature to be checked?"""
        return all(part is UNSET for part in (self.crit, self.b64, self.jwk, self.jku, self.x5u, self.x5c))


class _Payload(Struct, omit_defaults=True):
    """The claims in the order in which they are written, those that are None left out."""

    token_type: object = None
    exp: object = None
    iat: object = None
    nbf: object = None
    jti: object = None
    user_id: object = None
    sid: object = None


class JwtSigner:
    """Signs with one key and believes a few; each algorithm belongs to its key and is never taken from a token.

    Tokens that were checked, and those made here, are remembered. That weakens nothing: whether a signature fits is a
    function of the token and the key alone, all is forgotten when the keys change, and nothing else is remembered.
    Whatever can change (the time, the session, the account) is judged by the domain at every use. Only tokens that were
    found genuine get in, so strangers can neither fill the memory nor push anybody's token out of it.
    """

    def __init__(self, key: SigningKey, others: Iterable[CheckingKey] = (), look: Look | None = None) -> None:
        self._read_header = msgspec.json.Decoder(_Header).decode
        self._read_claims = msgspec.json.Decoder(Claims).decode
        self._write = msgspec.json.Encoder().encode
        self._look = look
        self.use(key, others)

    def use(self, key: SigningKey, others: Iterable[CheckingKey] = ()) -> None:
        """From now on sign with this key, and believe it and these others."""
        own = checking_half(key)
        self._algorithm = ALGORITHMS[key.algorithm]
        self._private: Any = self._algorithm.prepare_key(key.material)
        self._keys = (own, *(other for other in others if other != own))
        self._named = {half.kid: (half,) for half in self._keys if half.kid}
        self._unnamed = {name: tuple(half for half in self._keys if half.algorithm == name) for name in ALGORITHMS}
        # A header that is word for word as we write it need not be read.
        self._headers = {
            _written_header(half): self._named[half.kid] if half.kid else self._unnamed[half.algorithm]
            for half in self._keys
        }
        self._header = _written_header(own).encode()
        self._known: dict[str, Claims] = {}

    def sign(self, claims: Claims) -> str:
        """Return a signed token with these claims; those that are None are left out."""
        payload = self._write(
            _Payload(claims.token_type, claims.exp, claims.iat, claims.nbf, claims.jti, claims.user_id, claims.sid)
        )
        signed = self._header + b"." + as_base64(payload)
        token = (signed + b"." + as_base64(self._algorithm.sign(signed, self._private))).decode()
        # What the token says is remembered, not what we were given to say.
        self._remember(token, self._read_claims(payload))
        return token

    def read(self, token: str) -> Claims:
        """Return what a token says if the signature is ours; anything else is `TokenRejected("invalid")`."""
        claims = self._known.get(token)
        if claims is None:
            claims = self._checked(token)
            self._remember(token, claims)
        return claims

    async def learn(self, token: str) -> bool:
        """Look whether another process has made the key that this token names; say whether it is known now."""
        header = self._header_of(token) if self._look else None
        if self._look is None or header is None or header.kid is None or header.kid in self._named:
            return False
        if not _THUMBPRINT.fullmatch(header.kid):
            return False
        await self._look()
        return header.kid in self._named

    def public_keys(self) -> list[dict[str, str]]:
        """Return what others check our tokens by, as entries of a JWK set; a shared secret is never among them."""
        return [
            {**half.jwk, "alg": half.algorithm, "use": "sig", "kid": half.kid}
            for half in self._keys
            if half.jwk is not None and half.kid is not None
        ]

    def _checked(self, token: str) -> Claims:
        # The length first: everything after it costs work that a stranger chooses.
        parts = _COMPACT.fullmatch(token) if len(token) <= _LONGEST_TOKEN else None
        if parts is None:
            raise TokenRejected("invalid")
        signed, header, payload, written = parts.groups()
        try:
            signature = from_base64(written)
            # The last digit of base64 has bits to spare: without this, one token would have several spellings.
            if as_base64(signature).decode() == written and any(
                ALGORITHMS[half.algorithm].verify(signed.encode(), half.material, signature)
                for half in self._headers.get(header) or self._keys_for(header)
            ):
                return self._read_claims(from_base64(payload))
        except (ValueError, RecursionError):  # no base64, no JSON, no object, numbers beyond all bounds, or too deep
            pass
        raise TokenRejected("invalid")

    def _keys_for(self, written: str) -> tuple[CheckingKey, ...]:
        """Return the keys that a header which is not word for word ours can mean; none where it means anything else.

        A token without `kid` was made elsewhere with our key, or before we named keys: the signature decides.
        """
        header = self._header_in(written)
        if header is None or header.typ.upper() != "JWT" or not header.is_plain:
            return ()
        keys = self._unnamed.get(header.alg, ()) if header.kid is None else self._named.get(header.kid, ())  # type: ignore[call-overload]
        return tuple(half for half in keys if half.algorithm == header.alg)

    def _header_of(self, token: str) -> _Header | None:
        parts = _COMPACT.fullmatch(token) if len(token) <= _LONGEST_TOKEN else None
        return None if parts is None else self._header_in(parts[2])

    def _header_in(self, written: str) -> _Header | None:
        try:
            return self._read_header(from_base64(written))
        except (ValueError, RecursionError):
            return None

    def _remember(self, token: str, claims: Claims) -> None:
        if len(self._known) >= _KNOWN_TOKENS:
            # The oldest go, many at once: one by one, a dict would search for its first entry longer each time.
            for oldest in list(islice(self._known, _FORGOTTEN_AT_ONCE)):
                self._known.pop(oldest, None)
        self._known[token] = claims


def _written_header(half: CheckingKey) -> str:
    kid = half.kid
    return as_base64(
        msgspec.json.encode({"alg": half.algorithm, "typ": "JWT"} | ({"kid": kid} if kid else {}))
    ).decode()
