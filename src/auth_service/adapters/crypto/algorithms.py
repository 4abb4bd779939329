"""What the algorithms are, and the half of a key that checks what the other half signed."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import Algorithm, ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError
from jwt.utils import der_to_raw_signature

from auth_service.adapters.crypto.keys import SigningAlgorithm, SigningKey


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


ALGORITHMS: dict[SigningAlgorithm, Algorithm] = {
    "HS256": HMACAlgorithm(HMACAlgorithm.SHA256),
    "ES256": _RepeatableES256(),
    "EdDSA": OKPAlgorithm(),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
}


@dataclass(frozen=True, slots=True)
class CheckingKey:
    """What tokens of one key are checked with, and the one algorithm it is for. A shared secret has no `jwk`."""

    algorithm: SigningAlgorithm
    material: Any = field(repr=False)
    jwk: dict[str, str] | None = None

    @property
    def kid(self) -> str | None:
        """Its name by RFC 7638, the same for everybody who has the key; a shared secret is never named."""
        return None if self.jwk is None else thumbprint(self.jwk)


def checking_half(key: SigningKey) -> CheckingKey:
    """Return what everybody may know of a key; of a secret, the secret. Raises a ValueError where it does not do."""
    algorithm = ALGORITHMS[key.algorithm]
    try:
        private: Any = algorithm.prepare_key(key.material)
    except InvalidKeyError as fault:
        raise ValueError(f"this key does not do for {key.algorithm}: {fault}") from None
    if key.algorithm == "HS256":
        return CheckingKey(key.algorithm, private)
    public = private.public_key()
    return CheckingKey(key.algorithm, public, public_jwk(algorithm, public))


def read_checking_half(algorithm: SigningAlgorithm, jwk: dict[str, str]) -> CheckingKey:
    """Return the key that a JWK of ours describes."""
    return CheckingKey(algorithm, ALGORITHMS[algorithm].from_jwk(jwk), jwk)


def public_jwk(algorithm: Algorithm, public: object) -> dict[str, str]:
    """Return the members of a JWK that make the key, and no private one."""
    jwk = algorithm.to_jwk(public, as_dict=True)
    return {member: jwk[member] for member in ("kty", "crv", "x", "y", "n", "e") if member in jwk}


def thumbprint(jwk: dict[str, str]) -> str:
    """Return the key's name by RFC 7638."""
    canonical = msgspec.json.encode(jwk, order="sorted")
    return as_base64(hashlib.sha256(canonical).digest()).decode()


def as_base64(content: bytes) -> bytes:
    """Write bytes as base64url without padding (RFC 7515, 2)."""
    return urlsafe_b64encode(content).rstrip(b"=")


def from_base64(text: str) -> bytes:
    """Read them again; a ValueError says that it is none."""
    return urlsafe_b64decode(text + "==")
