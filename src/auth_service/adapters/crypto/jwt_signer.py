"""Tokens as signed JWTs: made, checked, and published keys to check them by."""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import islice
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import Algorithm, ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError
from jwt.utils import der_to_raw_signature
from msgspec import UNSET, Struct

from auth_service.adapters.crypto.keys import SigningAlgorithm, SigningKey
from auth_service.domain.errors import TokenRejected
from auth_service.domain.model import Claims

_LONGEST_TOKEN = 8_192
_KNOWN_TOKENS = 16_384
_FORGOTTEN_AT_ONCE = 1_024
# Base64url without padding, line ends or anything else (RFC 7515, 2): one spelling a token.
_COMPACT = re.compile(r"(([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]+)")


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


class _RepeatableES256(ECAlgorithm):
    """ES256 that signs the same claims with the same signature (RFC 6979).

    A refresh that is tried again within its grace then gets the very same successor, and no weak random number of the
    machine can give the key away. Where the library is too old for it, signatures are random and as valid.
    """

    def __init__(self) -> None:
        super().__init__(SHA256, SECP256R1)
        try:
            self._how = ECDSA(SHA256(), deterministic_signing=True)
        except UnsupportedAlgorithm:
            self._how = ECDSA(SHA256())

    def sign(self, msg: bytes, key: EllipticCurvePrivateKey) -> bytes:
        """Return the 64 bytes that RFC 7518, 3.4 asks for."""
        return der_to_raw_signature(key.sign(msg, self._how), key.curve)


_ALGORITHMS: dict[SigningAlgorithm, Algorithm] = {
    "HS256": HMACAlgorithm(HMACAlgorithm.SHA256),
    "ES256": _RepeatableES256(),
    "EdDSA": OKPAlgorithm(),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
}


class JwtSigner:
    """Signs with one key and believes no other; the algorithm belongs to the key and is never taken from a token.

    Tokens that were checked, and those made here, are remembered. That weakens nothing: whether a signature fits is a
    function of the token and the key alone, it cannot change while this object lives, and nothing else is remembered.
    Whatever can change (the time, the session, the account) is judged by the domain at every use. Only tokens that were
    found genuine get in, so strangers can neither fill the memory nor push anybody's token out of it.
    """

    def __init__(self, key: SigningKey) -> None:
        self._algorithm = _ALGORITHMS[key.algorithm]
        try:
            self._private: Any = self._algorithm.prepare_key(key.material)
        except InvalidKeyError as fault:
            raise ValueError(f"this key does not do for {key.algorithm}: {fault}") from None
        self._name = key.algorithm
        if key.algorithm == "HS256":
            self._public, self._jwk, self._kid = self._private, None, None
        else:
            self._public = self._private.public_key()
            self._jwk = _public_jwk(self._algorithm, self._public)
            self._kid = _thumbprint(self._jwk)
        header = {"alg": self._name, "typ": "JWT"} | ({"kid": self._kid} if self._kid else {})
        self._header = _base64(msgspec.json.encode(header))
        self._header_text = self._header.decode()
        self._read_header = msgspec.json.Decoder(_Header).decode
        self._read_claims = msgspec.json.Decoder(Claims).decode
        self._write = msgspec.json.Encoder().encode
        self._known: dict[str, Claims] = {}

    def sign(self, claims: Claims) -> str:
        """Return a signed token with these claims; those that are None are left out."""
        payload = self._write(
            _Payload(claims.token_type, claims.exp, claims.iat, claims.nbf, claims.jti, claims.user_id, claims.sid)
        )
        signed = self._header + b"." + _base64(payload)
        token = (signed + b"." + _base64(self._algorithm.sign(signed, self._private))).decode()
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

    def public_keys(self) -> list[dict[str, str]]:
        """Return what others check our tokens by, as entries of a JWK set; nothing where the key is a shared secret."""
        if self._jwk is None or self._kid is None:
            return []
        return [{**self._jwk, "alg": self._name, "use": "sig", "kid": self._kid}]

    def _checked(self, token: str) -> Claims:
        # The length first: everything after it costs work that a stranger chooses.
        parts = _COMPACT.fullmatch(token) if len(token) <= _LONGEST_TOKEN else None
        if parts is None:
            raise TokenRejected("invalid")
        signed, header, payload, written = parts.groups()
        if header != self._header_text and not self._is_for_us(header):
            raise TokenRejected("invalid")
        try:
            signature = _bytes(written)
            # The last digit of base64 has bits to spare: without this, one token would have several spellings.
            genuine = _base64(signature).decode() == written and self._algorithm.verify(
                signed.encode(), self._public, signature
            )
            if genuine:
                return self._read_claims(_bytes(payload))
        except (ValueError, RecursionError):  # no base64, no JSON, no object, numbers beyond all bounds, or too deep
            pass
        raise TokenRejected("invalid")

    def _is_for_us(self, written: str) -> bool:
        """Say whether a header that is not word for word ours means the same key and nothing else.

        A token without `kid` was made elsewhere with our key, or before we named keys: the signature decides.
        """
        try:
            header = self._read_header(_bytes(written))
        except (ValueError, RecursionError):
            return False
        return (
            header.alg == self._name
            and header.typ.upper() == "JWT"
            and header.kid in {None, self._kid}
            and header.is_plain
        )

    def _remember(self, token: str, claims: Claims) -> None:
        if len(self._known) >= _KNOWN_TOKENS:
            # The oldest go, many at once: one by one, a dict would search for its first entry longer each time.
            for oldest in list(islice(self._known, _FORGOTTEN_AT_ONCE)):
                self._known.pop(oldest, None)
        self._known[token] = claims


def _public_jwk(algorithm: Algorithm, public: object) -> dict[str, str]:
    jwk = algorithm.to_jwk(public, as_dict=True)
    return {member: jwk[member] for member in ("kty", "crv", "x", "y", "n", "e") if member in jwk}


def _thumbprint(jwk: dict[str, str]) -> str:
    """Return the key's name by RFC 7638: the same for everybody who has the key, whatever they call it."""
    canonical = msgspec.json.encode(jwk, order="sorted")
    return _base64(hashlib.sha256(canonical).digest()).decode()


def _base64(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")
