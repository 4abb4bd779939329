"""Tokens: what was signed with our key and nothing else, whatever a stranger writes into them."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any, get_args

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from auth_service.adapters.contracts.crypto import CLAIMS, TokenSignerContract
from auth_service.adapters.crypto import jwt_signer
from auth_service.adapters.crypto.algorithms import checking_half, thumbprint
from auth_service.adapters.crypto.jwt_signer import JwtSigner
from auth_service.adapters.crypto.keys import SigningAlgorithm, SigningKey, new_key, secret_as_key
from auth_service.domain.errors import TokenRejected
from auth_service.domain.model import Claims

ALGORITHMS = get_args(SigningAlgorithm)
SECRET = "a secret of this installation, long enough"
PAYLOAD = {name: claim for name, claim in msgspec.to_builtins(CLAIMS).items() if claim is not None}


def _make(algorithm: SigningAlgorithm, secret: str = SECRET) -> SigningKey:
    if algorithm == "HS256":
        return secret_as_key(secret)
    return new_key(algorithm)


# Made once: an RSA key takes its time.
KEYS = {algorithm: _make(algorithm) for algorithm in ALGORITHMS}
STRANGERS = {algorithm: _make(algorithm, "a secret of another installation, as long") for algorithm in ALGORITHMS}


SIGNERS = [JwtSigner(KEYS[algorithm]) for algorithm in ALGORITHMS]


@pytest.fixture(params=ALGORITHMS)
def key(request: pytest.FixtureRequest) -> SigningKey:
    return KEYS[request.param]


@pytest.fixture
def signer(key: SigningKey) -> JwtSigner:
    return JwtSigner(key)


class TestJwtSigner(TokenSignerContract):
    """What is promised of every token signer, for each algorithm."""

    @pytest.fixture
    def signer(self, key: SigningKey) -> JwtSigner:
        return JwtSigner(key)

    @pytest.fixture
    def stranger(self, key: SigningKey) -> JwtSigner:
        return JwtSigner(STRANGERS[key.algorithm])


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def _signature(key: SigningKey, message: bytes) -> bytes:
    algorithm = jwt.get_algorithm_by_name(key.algorithm)
    return algorithm.sign(message, algorithm.prepare_key(key.material))


def _token(key: SigningKey, header: object, payload: object = PAYLOAD) -> str:
    """Return a token that is truly signed with the key, whatever its parts are."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signed = ".".join(_b64(part) for part in parts)
    return f"{signed}.{_b64(_signature(key, signed.encode()))}"


def _header(key: SigningKey, **more: object) -> dict[str, object]:
    return {"alg": key.algorithm, "typ": "JWT", **more}


def _refused(signer: JwtSigner, token: str) -> bool:
    try:
        signer.read(token)
    except TokenRejected as refused:
        return refused.reason == "invalid"
    return False


def _public_bytes(key: SigningKey) -> list[bytes]:
    """Return every form in which a stranger has our public key."""
    assert not isinstance(key.material, bytes)
    public = key.material.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [pem, pem.strip(), der, json.dumps(JwtSigner(key).public_keys()[0]).encode()]


# What stands in a token


def test_others_can_check_our_tokens_with_any_library(key: SigningKey, signer: JwtSigner) -> None:
    public: Any = key.material if isinstance(key.material, bytes) else key.material.public_key()

    assert jwt.decode(signer.sign(CLAIMS), public, algorithms=[key.algorithm]) == PAYLOAD


def test_the_parts_of_a_token_are_written_as_they_always_were(key: SigningKey, signer: JwtSigner) -> None:
    header, payload, _ = signer.sign(CLAIMS).split(".")
    kid = [entry["kid"] for entry in signer.public_keys()]

    assert json.loads(_unb64(header)) == {"alg": key.algorithm, "typ": "JWT"} | ({"kid": kid[0]} if kid else {})
    assert list(json.loads(_unb64(payload))) == ["token_type", "exp", "iat", "jti", "user_id", "sid"]
    assert _unb64(payload) == json.dumps(PAYLOAD, separators=(",", ":")).encode()


def test_a_claim_that_is_none_is_not_written(signer: JwtSigner) -> None:
    assert json.loads(_unb64(signer.sign(Claims(exp=1, nbf=2)).split(".")[1])) == {"exp": 1, "nbf": 2}


def test_the_same_claims_give_the_same_token_after_a_restart_too(key: SigningKey) -> None:
    assert JwtSigner(key).sign(CLAIMS) == JwtSigner(key).sign(CLAIMS)


def test_a_token_outlives_a_restart(key: SigningKey) -> None:
    assert JwtSigner(key).read(JwtSigner(key).sign(CLAIMS)) == CLAIMS


# Public keys


def test_public_keys_hold_what_others_need_and_nothing_private(key: SigningKey, signer: JwtSigner) -> None:
    shape = {"HS256": None, "ES256": {"crv", "x", "y"}, "EdDSA": {"crv", "x"}, "RS256": {"n", "e"}}[key.algorithm]
    if shape is None:
        assert signer.public_keys() == []
        return

    [entry] = signer.public_keys()
    assert set(entry) == shape | {"kty", "alg", "use", "kid"}
    assert (entry["alg"], entry["use"]) == (key.algorithm, "sig")
    assert jwt.decode(signer.sign(CLAIMS), jwt.PyJWK(entry).key, algorithms=[key.algorithm]) == PAYLOAD


def test_the_kid_is_the_thumbprint_of_rfc_7638() -> None:
    # The example of section 3.1.
    jwk = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE"
        "CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
        "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6"
        "WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
    }

    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_changing_what_was_handed_out_does_not_change_the_key() -> None:
    signer = JwtSigner(KEYS["ES256"])
    signer.public_keys()[0]["kid"] = "other"

    assert signer.public_keys()[0]["kid"] != "other"


# Tokens made elsewhere with our key


def test_a_token_without_kid_is_taken_if_the_signature_is_ours(key: SigningKey, signer: JwtSigner) -> None:
    private: Any = key.material

    assert signer.read(jwt.encode(PAYLOAD, private, algorithm=key.algorithm)) == CLAIMS
    assert signer.read(_token(key, {"alg": key.algorithm})) == CLAIMS
    assert signer.read(_token(key, {"typ": "jwt", "alg": key.algorithm, "cty": "x"})) == CLAIMS


def test_claims_that_we_do_not_know_are_passed_over(key: SigningKey, signer: JwtSigner) -> None:
    assert signer.read(_token(key, _header(key), PAYLOAD | {"iss": "x", "aud": ["y"], "deep": {"er": [1]}})) == CLAIMS


# Attacks: everything here is truly signed with our key, so the header alone decides

SIGNED_BUT_ODD: dict[str, Callable[[SigningKey], object]] = {
    "kid of another": lambda key: _header(key, kid="NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
    "kid empty": lambda key: _header(key, kid=""),
    "kid a path": lambda key: _header(key, kid="../../../../dev/null"),
    "kid SQL": lambda key: _header(key, kid="' UNION SELECT 'key' --"),
    "kid a number": lambda key: _header(key, kid=1),
    "kid a list": lambda key: _header(key, kid=["a"]),
    "kid huge": lambda key: _header(key, kid="a" * 5000),
    "crit": lambda key: _header(key, crit=["exp"], exp=1),
    "crit empty": lambda key: _header(key, crit=[]),
    "crit null": lambda key: _header(key, crit=None),
    "payload not encoded": lambda key: _header(key, b64=False),
    "key within": lambda key: _header(key, jwk={"kty": "oct", "k": "AAAA"}),
    "key null": lambda key: _header(key, jwk=None),
    "key elsewhere": lambda key: _header(key, jku="https://evil.example/jwks.json"),
    "certificate elsewhere": lambda key: _header(key, x5u="https://evil.example/cert.pem"),
    "certificate within": lambda key: _header(key, x5c=["MIIB"]),
    "another typ": lambda key: _header(key) | {"typ": "at+jwt"},
    "typ a number": lambda key: _header(key) | {"typ": 1},
    "alg missing": lambda _: {"typ": "JWT"},
    "alg null": lambda key: _header(key) | {"alg": None},
    "alg a list": lambda key: _header(key) | {"alg": [key.algorithm]},
    "alg in small letters": lambda key: _header(key) | {"alg": key.algorithm.lower()},
    "alg with a space": lambda key: _header(key) | {"alg": key.algorithm + " "},
    "alg with a NUL": lambda key: _header(key) | {"alg": key.algorithm + "\0"},
    "alg twice": lambda key: f'{{"alg":"{key.algorithm}","alg":"none"}}'.encode(),
    "a list": lambda key: [_header(key)],
    "a text": lambda key: json.dumps(_header(key)),
    "null": lambda _: None,
    "nothing": lambda _: b"",
    "no JSON": lambda _: b"{alg}",
    "no UTF-8": lambda key: b'{"alg":"' + key.algorithm.encode() + b'","kid":"\xff"}',
    "half a surrogate pair": lambda key: f'{{"alg":"{key.algorithm}","kid":"\\ud800"}}'.encode(),
    "more behind": lambda key: json.dumps(_header(key)).encode() + b"{}",
    "deep": lambda key: f'{{"alg":"{key.algorithm}","x":{"[" * 2000}{"]" * 2000}}}'.encode(),
    "numbers beyond all bounds": lambda key: f'{{"alg":"{key.algorithm}","typ":1e999}}'.encode(),
    **{
        f"alg {name!r}": lambda key, name=name: _header(key) | {"alg": name}  # type: ignore[misc]
        for name in [
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            " ",
            "HS384",
            "HS512",
            "ES384",
            "ES256K",
            "PS256",
            "RS512",
            "RSA",
        ]
    },
}


@pytest.mark.parametrize("key", [KEYS["HS256"], KEYS["ES256"]], ids=["without kid", "with kid"])
@pytest.mark.parametrize("make", SIGNED_BUT_ODD.values(), ids=SIGNED_BUT_ODD.keys())
def test_an_odd_header_is_refused_though_the_signature_fits(
    key: SigningKey, make: Callable[[SigningKey], object]
) -> None:
    assert _refused(JwtSigner(key), _token(key, make(key)))


@pytest.mark.parametrize("other", ALGORITHMS)
def test_the_algorithm_is_never_taken_from_the_token(key: SigningKey, signer: JwtSigner, other: str) -> None:
    if other != key.algorithm:
        assert _refused(signer, _token(key, _header(key) | {"alg": other}))


PAYLOADS = {
    "a list": [PAYLOAD],
    "a text": "claims",
    "a number": 1,
    "null": None,
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"jti":"\xff"}',
    "half a surrogate pair": b'{"jti":"\\ud800"}',
    "deep": b'{"exp":' + b"[" * 2500 + b"]" * 2500 + b"}",
    "deep where nobody looks": b'{"x":' + b"[" * 2500 + b"]" * 2500 + b"}",
    "a number beyond all bounds": b'{"exp":1e999}',
    "a number without end": b'{"exp":' + b"9" * 5000 + b"}",
    "not a number": b'{"exp":NaN}',
    "more behind": b"{}{}",
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_a_payload_that_is_no_object_of_claims_is_refused_though_the_signature_fits(payload: object) -> None:
    key = KEYS["ES256"]

    assert _refused(JwtSigner(key), _token(key, _header(key), payload))


# Attacks: nothing here is signed with our key


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_that_says_it_needs_no_signature_is_refused(algorithm: str) -> None:
    parts = ({"alg": algorithm, "typ": "JWT"}, PAYLOAD)
    signed = ".".join(_b64(json.dumps(part).encode()) for part in parts)

    for token in (signed, f"{signed}.", f"{signed}.AA", f"{signed}.e30"):
        assert all(_refused(signer, token) for signer in SIGNERS)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_a_public_key_is_never_taken_for_a_secret(algorithm: SigningAlgorithm) -> None:
    key = KEYS[algorithm]
    signer = JwtSigner(key)
    kid = signer.public_keys()[0]["kid"]

    for secret in _public_bytes(key):
        for name in ("HS256", algorithm):
            for header in ({"alg": name, "typ": "JWT"}, {"alg": name, "typ": "JWT", "kid": kid}):
                signed = ".".join(_b64(json.dumps(part).encode()) for part in (header, PAYLOAD))
                mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
                assert _refused(signer, f"{signed}.{_b64(mac)}")


def test_a_token_that_brings_its_own_key_is_refused() -> None:
    theirs = STRANGERS["ES256"]
    jwk = JwtSigner(theirs).public_keys()[0]
    signer = JwtSigner(KEYS["ES256"])
    our_kid = signer.public_keys()[0]["kid"]

    for kid in (our_kid, jwk["kid"]):
        assert _refused(signer, _token(theirs, _header(theirs, kid=kid, jwk=jwk)))
        assert _refused(signer, _token(theirs, _header(theirs, kid=kid)))


@pytest.mark.parametrize("digest", ["sha1", "sha384", "sha512", "md5"])
def test_another_mac_under_the_right_secret_is_refused(digest: str) -> None:
    signed = ".".join(_b64(json.dumps(part).encode()) for part in (_header(KEYS["HS256"]), PAYLOAD))
    mac = hmac.new(SECRET.encode(), signed.encode(), digest).digest()

    assert _refused(JwtSigner(KEYS["HS256"]), f"{signed}.{_b64(mac)}")
    assert _refused(JwtSigner(KEYS["HS256"]), f"{signed}.{_b64(mac[:32])}")


def test_a_shortened_signature_is_refused(signer: JwtSigner) -> None:
    head, _, signature = signer.sign(CLAIMS).rpartition(".")

    for length in (0, 1, 16, 31, 32, 63):
        if length < len(_unb64(signature)):
            assert _refused(signer, f"{head}.{_b64(_unb64(signature)[:length])}")


def test_parts_of_two_genuine_tokens_make_no_third(signer: JwtSigner) -> None:
    one = signer.sign(CLAIMS).split(".")
    two = signer.sign(Claims(exp=4_102_444_800, user_id="1")).split(".")

    for mixed in (
        (one[0], two[1], one[2]),
        (one[0], one[1], two[2]),
        (one[1], one[0], one[2]),
        (one[2], one[1], one[0]),
    ):
        assert _refused(signer, ".".join(mixed))
    assert _refused(signer, ".".join([*one, two[1]]))
    assert _refused(signer, ".".join([*one, *two]))


def test_a_token_has_one_spelling(signer: JwtSigner) -> None:
    token = signer.sign(CLAIMS)
    head, _, signature = token.rpartition(".")
    spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = [signature[:-1] + digit for digit in spare if digit != signature[-1]]
    same_bytes = [other for other in same_bytes if _unb64(other) == _unb64(signature)]

    for other in [*same_bytes, signature + "=", signature + "==", signature + "%", "\n" + signature]:
        assert _refused(signer, f"{head}.{other}")
    assert _refused(signer, token.replace("-", "+").replace("_", "/").replace(".", ". "))


def test_an_es256_signature_is_64_bytes_and_nothing_else() -> None:
    key = KEYS["ES256"]
    assert isinstance(key.material, ec.EllipticCurvePrivateKey)
    signer = JwtSigner(key)
    signed = ".".join(_b64(json.dumps(part).encode()) for part in (_header(key), PAYLOAD))
    der = key.material.sign(signed.encode(), ec.ECDSA(SHA256()))
    r, s = decode_dss_signature(der)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def spelt(r: int, s: int, size: int = 32) -> str:
        return f"{signed}.{_b64(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))}"

    assert signer.read(spelt(r, s)) == CLAIMS
    assert _refused(signer, f"{signed}.{_b64(der)}")
    assert _refused(signer, spelt(r, s, 33))
    assert _refused(signer, spelt(r, s, 48))
    assert _refused(signer, spelt(r, s) + "AA")
    # The empty signature that some libraries once took for any message (CVE-2022-21449), and numbers out of range.
    for forged in ((0, 0), (0, s), (r, 0), (order, s), (r, order), (2**256 - 1, 2**256 - 1)):
        assert _refused(signer, spelt(*forged))


def test_what_is_longer_than_8_kib_is_refused_though_the_signature_fits(key: SigningKey, signer: JwtSigner) -> None:
    assert _refused(signer, _token(key, _header(key), PAYLOAD | {"x": "a" * 8_192}))
    assert signer.read(_token(key, _header(key), PAYLOAD | {"x": "a" * 4_096})) == CLAIMS


_segments = st.text("AZaz09-_=ß", max_size=6) | st.binary(max_size=6).map(_b64)


@settings(max_examples=50)
@given(text=st.text() | st.lists(_segments, min_size=3, max_size=3).map(".".join))
def test_any_text_at_all_is_refused_and_nothing_worse(text: str) -> None:
    assert all(_refused(signer, text) for signer in SIGNERS)


@settings(max_examples=50)
@given(
    payload=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    claim=st.sampled_from(list(Claims.__struct_fields__)),
)
def test_whatever_is_signed_as_a_claim_reading_it_answers_or_refuses(payload: object, claim: str) -> None:
    token = _token(KEYS["HS256"], _header(KEYS["HS256"]), {claim: payload})
    signer = JwtSigner(KEYS["HS256"])

    assert _refused(signer, token) or isinstance(signer.read(token), Claims)


# Keys that do not do


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_a_public_key_given_as_the_secret_is_refused(algorithm: SigningAlgorithm) -> None:
    pem = _public_bytes(KEYS[algorithm])[0].decode()

    with pytest.raises(ValueError, match="does not do for HS256"):
        JwtSigner(secret_as_key(pem))


# What is remembered


def test_a_refused_token_is_never_remembered(signer: JwtSigner, key: SigningKey) -> None:
    for token in ("a.b.c", "x" * 100, _token(STRANGERS[key.algorithm], _header(key))):
        assert _refused(signer, token)

    assert len(signer._known) == 0


def test_a_token_is_checked_once(signer: JwtSigner, key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    made, found = signer.sign(CLAIMS), _token(key, {"alg": key.algorithm, "typ": "JWT", "by": "another"})
    signer.read(found)
    monkeypatch.delattr(JwtSigner, "_checked")

    assert signer.read(made) == signer.read(found) == CLAIMS


def test_what_is_remembered_of_a_made_token_is_what_it_says() -> None:
    odd = Claims(exp=float("nan"), user_id=("1",))
    signer = JwtSigner(KEYS["HS256"])
    token = signer.sign(odd)

    assert signer.read(token) == JwtSigner(KEYS["HS256"]).read(token) == Claims(user_id=["1"])


def test_the_memory_is_bounded_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwt_signer, "_KNOWN_TOKENS", 100)
    monkeypatch.setattr(jwt_signer, "_FORGOTTEN_AT_ONCE", 10)
    signer = JwtSigner(KEYS["HS256"])
    tokens = [signer.sign(Claims(user_id=str(number))) for number in range(250)]

    assert 90 <= len(signer._known) <= 100
    assert list(signer._known) == tokens[-len(signer._known) :]
    assert signer.read(tokens[0]).user_id == "0"


def test_two_signers_share_no_memory() -> None:
    token = JwtSigner(KEYS["HS256"]).sign(CLAIMS)

    assert _refused(JwtSigner(STRANGERS["HS256"]), token)


def test_a_token_holds_nothing_but_base64url_and_dots(signer: JwtSigner) -> None:
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", signer.sign(CLAIMS), re.ASCII)


# Several keys: each is found by its name, and is good for its own algorithm alone

RETIRED = {algorithm: _make(algorithm, "the secret of the year before, as long") for algorithm in ALGORITHMS}


def _kid(key: SigningKey) -> str:
    return checking_half(key).kid or ""


@pytest.fixture
def of_many() -> JwtSigner:
    """Return a signer that believes keys of every algorithm."""
    return JwtSigner(KEYS["ES256"], [checking_half(RETIRED[algorithm]) for algorithm in ALGORITHMS])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tokens_of_every_key_that_is_believed_are_read(of_many: JwtSigner, algorithm: SigningAlgorithm) -> None:
    retired = RETIRED[algorithm]

    assert of_many.read(JwtSigner(retired).sign(CLAIMS)) == CLAIMS
    assert of_many.read(_token(retired, {"alg": algorithm, "typ": "jwt"})) == CLAIMS  # made elsewhere, without a name
    assert _refused(of_many, JwtSigner(STRANGERS[algorithm]).sign(CLAIMS))


@pytest.mark.parametrize("named", ALGORITHMS)
@pytest.mark.parametrize("said", ALGORITHMS)
@pytest.mark.parametrize("signed_by", ALGORITHMS)
def test_a_name_an_algorithm_and_a_signature_must_be_those_of_one_key(
    of_many: JwtSigner, named: SigningAlgorithm, said: SigningAlgorithm, signed_by: SigningAlgorithm
) -> None:
    header = {"alg": said, "typ": "JWT", "kid": _kid(RETIRED[named])}
    token = _token(RETIRED[signed_by], header)
    if named == said == signed_by and named != "HS256":
        assert of_many.read(token) == CLAIMS
    else:
        assert _refused(of_many, token)


def test_one_key_under_the_name_of_another_of_the_same_kind_is_refused(of_many: JwtSigner) -> None:
    ours, old = KEYS["ES256"], RETIRED["ES256"]

    assert _refused(of_many, _token(ours, _header(ours, kid=_kid(old))))
    assert _refused(of_many, _token(old, _header(old, kid=_kid(ours))))


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_no_public_key_of_many_is_taken_for_the_secret_among_them(
    of_many: JwtSigner, algorithm: SigningAlgorithm
) -> None:
    for secret in _public_bytes(RETIRED[algorithm]):
        for name in ("HS256", algorithm):
            for kid in ({}, {"kid": _kid(RETIRED[algorithm])}, {"kid": _kid(KEYS["ES256"])}, {"kid": ""}):
                signed = ".".join(
                    _b64(json.dumps(part).encode()) for part in ({"alg": name, "typ": "JWT"} | kid, PAYLOAD)
                )
                assert _refused(of_many, f"{signed}.{_b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}")


@pytest.mark.parametrize(
    "make", [make for name, make in SIGNED_BUT_ODD.items() if name != "kid of another"], ids=lambda _: ""
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_odd_header_is_refused_whichever_of_many_keys_signed_it(
    of_many: JwtSigner, algorithm: SigningAlgorithm, make: Callable[[SigningKey], object]
) -> None:
    assert _refused(of_many, _token(RETIRED[algorithm], make(RETIRED[algorithm])))


def test_once_keys_have_changed_nothing_is_remembered_and_only_the_new_ones_count(of_many: JwtSigner) -> None:
    mine, old = of_many.sign(CLAIMS), JwtSigner(RETIRED["RS256"]).sign(CLAIMS)
    assert of_many.read(old) == CLAIMS
    of_many.use(KEYS["EdDSA"], [checking_half(KEYS["ES256"])])

    assert (of_many.read(mine), _refused(of_many, old)) == (CLAIMS, True)
    of_many.use(KEYS["EdDSA"])
    assert _refused(of_many, mine)
    assert of_many.read(of_many.sign(CLAIMS)) == CLAIMS


def test_all_public_keys_are_published_once_the_one_that_signs_first_and_no_secret(of_many: JwtSigner) -> None:
    published = of_many.public_keys()
    of_many.use(KEYS["ES256"], [checking_half(KEYS["ES256"])])

    assert [key["alg"] for key in published] == ["ES256", "ES256", "EdDSA", "RS256"]
    assert published[0]["kid"] == _kid(KEYS["ES256"])
    assert {frozenset(key) & {"d", "k", "p", "q"} for key in published} == {frozenset()}
    assert len(of_many.public_keys()) == 1


async def test_only_a_name_that_is_not_known_makes_a_signer_look_for_more() -> None:
    looks = []
    key, new = KEYS["ES256"], RETIRED["EdDSA"]

    async def look() -> None:
        looks.append(1)
        asked.use(key, [checking_half(new)])

    asked = JwtSigner(key, look=look)
    forged = JwtSigner(STRANGERS["ES256"]).sign(CLAIMS).split(".")
    for token in (
        "a.b.c",
        JwtSigner(STRANGERS["HS256"]).sign(CLAIMS),
        _token(STRANGERS["ES256"], _header(key, kid=_kid(key))),
        ".".join([_b64(b"{}"), *forged[1:]]),
        ".".join([_b64(json.dumps({"alg": "ES256", "kid": 1}).encode()), *forged[1:]]),
        "x" * 9_000,
    ):
        assert await asked.learn(token) is False
    assert looks == []

    assert await asked.learn(JwtSigner(new).sign(CLAIMS)) is True
    assert await asked.learn(JwtSigner(STRANGERS["RS256"]).sign(CLAIMS)) is False
    assert len(looks) == 2
