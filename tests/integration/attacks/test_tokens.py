"""Forged, twisted and misplaced tokens, at every door that takes one."""

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import SECRET, Server, as_bearer

from .acting import access_of, looked_at, opens, registered, reset_link, tokens_of

CLAIMS = {"token_type": "access", "exp": 4_000_000_000, "iat": 1_600_000_000, "jti": "0" * 32, "user_id": "1"}


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _head(header: object, payload: object) -> str:
    return ".".join(_b64(json.dumps(part).encode()) for part in (header, payload))


def is_believed(server: Server, token: str) -> bool:
    """Say whether a token is taken for one of ours; of very many, the two doors are asked that say most."""
    answers = [
        server.client.get("/api/user", headers=as_bearer(token)),
        server.client.post("/auth/jwt/verify/", json={"token": token}),
    ]
    assert {answer.status_code for answer in answers} <= {200, 401}, token[:80]
    return any(answer.status_code == 200 for answer in answers)


def let_in(server: Server, token: str) -> list[str]:
    """Return all the doors that take a token."""
    client = server.client
    doors = {
        "native": client.get("/api/user", headers=as_bearer(token)),
        "djoser": client.get("/auth/users/me/", headers={"Authorization": f"JWT {token}"}),
        "opaque": client.get("/auth/users/me/", headers={"Authorization": f"Token {token}"}),
        "cookie": client.get("/api/user", headers={"Cookie": f"__Host-access={token}; access={token}"}),
        "page": looked_at(server, "/account", token),
        **{
            f"{verb} {path}": client.post(path, json={field: token})
            for verb, field in (("refresh", "refresh"), ("verify", "token"))
            for path in (f"/auth/jwt/{verb}/", f"/api/token/{verb}")
        },
        "blacklist": client.post("/auth/jwt/blacklist/", json={"refresh": token}),
        "logout": client.post("/api/logout", json={"refresh": token}),
    }
    assert {answer.status_code for answer in doors.values()} <= {200, 204, 303, 401}, token[:80]
    return [door for door, answer in doors.items() if answer.status_code not in {303, 401}]


# --- whose key, and which algorithm ----------------------------------------------------------------------------------


def _secrets_made_of(jwk: dict[str, str]) -> Iterator[bytes]:
    """Give every form in which a public key is handed around."""
    key = jwt.PyJWK(jwk).key
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield from (pem, pem.strip(), pem.replace(b"\n", b"\r\n"), pem.rstrip() + b"\0")
    yield key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    yield key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    yield from (json.dumps(jwk).encode(), jwk["x"].encode(), jwk["kid"].encode(), b"")


@pytest.mark.parametrize("said", ["HS256", "HS384", "HS512", "ES256"])
def test_a_published_key_is_no_secret_to_sign_with(service: Server, ann: Person, said: str) -> None:
    assert ann
    published = service.client.get("/.well-known/jwks.json").json()["keys"]
    digest = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(said, hashlib.sha256)
    for jwk in published:
        for secret in _secrets_made_of(jwk):
            for kid in ({"kid": jwk["kid"]}, {}):
                signed = _head({"alg": said, "typ": "JWT", **kid}, CLAIMS)
                token = f"{signed}.{_b64(hmac.new(secret, signed.encode(), digest).digest())}"
                assert not is_believed(service, token)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", " none", "none ", "no\u200bne", "\uff4eone", "", None])
def test_a_genuine_token_without_its_signature_is_worthless(service: Server, ann: Person, alg: str | None) -> None:
    genuine = access_of(service, ann)["Authorization"].partition(" ")[2]
    header, payload, signature = genuine.split(".")
    kid = jwt.get_unverified_header(genuine)["kid"]
    for head in ({"alg": alg}, {"alg": alg, "typ": "JWT", "kid": kid}):
        for end in (signature, "AA"):
            assert not is_believed(service, f"{_b64(json.dumps(head).encode())}.{payload}.{end}")
        assert let_in(service, f"{_b64(json.dumps(head).encode())}.{payload}.") == []
    assert not is_believed(service, f"{header}.{payload}.")


KEY_IDS = {
    "nothing": "",
    "a path": "../../../../../../dev/null",
    "a file": "/etc/hostname",
    "SQL": "x' UNION SELECT 'AA' --",
    "SQL that is true": "' OR '1'='1",
    "a NUL": "key\0",
    "an address": "http://127.0.0.1:9/key",
    "a command": "$(id)",
    "very long": "k" * 5_000,
    "a wildcard": "%",
    "a list": ["a", "b"],
    "an object": {"$ne": None},
    "a number": 0,
    "nobody's": _b64(b"k" * 32),
}


@pytest.mark.parametrize("about", KEY_IDS)
def test_a_key_id_finds_our_own_keys_and_nothing_else(service: Server, ann: Person, about: str) -> None:
    genuine = access_of(service, ann)["Authorization"].partition(" ")[2]
    payload = jwt.decode(genuine, options={"verify_signature": False})
    signed = _head({"alg": "ES256", "typ": "JWT", "kid": KEY_IDS[about]}, payload)
    theirs = ec.generate_private_key(ec.SECP256R1())
    forged = jwt.api_jws._jws_global_obj.get_algorithm_by_name("ES256").sign(signed.encode(), theirs)
    assert not is_believed(service, f"{signed}.{_b64(forged)}")
    # With an empty file, or nothing at all, for a key.
    assert not is_believed(service, f"{signed}.{_b64(hmac.new(b'', signed.encode(), hashlib.sha256).digest())}")


def test_a_key_id_of_ours_is_no_help_to_another_key(service: Server, ann: Person) -> None:
    assert ann
    theirs = ec.generate_private_key(ec.SECP256R1())
    for jwk in service.client.get("/.well-known/jwks.json").json()["keys"]:
        assert let_in(service, jwt.encode(CLAIMS, theirs, "ES256", {"kid": jwk["kid"]})) == []


def test_a_token_that_brings_its_own_key_is_refused_and_nobody_is_asked_for_one(service: Server, ann: Person) -> None:
    theirs = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(theirs.public_key()))
    der = base64.b64encode(theirs.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    genuine = access_of(service, ann)["Authorization"].partition(" ")[2]
    payload = jwt.decode(genuine, options={"verify_signature": False})
    kid = jwt.get_unverified_header(genuine)["kid"]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/keys"
        for more in (
            {"jwk": jwk},
            {"jku": url},
            {"x5u": url},
            {"x5c": [der]},
            {"jku": url, "kid": "unknown"},
            {"iss": url, "jku": url, "jwk": jwk, "x5u": url, "x5c": [der]},
            {"crit": ["exp"], "exp": 1},
            {"crit": ["b64"], "b64": False},
            {"b64": False},
        ):
            assert let_in(service, jwt.encode(payload, theirs, "ES256", {"kid": kid, **more})) == []
        with pytest.raises(TimeoutError):
            listening.accept()


# --- one kind of token for another -----------------------------------------------------------------------------------


def test_every_kind_of_token_opens_its_own_door_only(service: Server, ann: Person) -> None:
    tokens = tokens_of(service, ann)
    session = jwt.decode(tokens["access"], options={"verify_signature": False})
    link = reset_link(service, ann)
    own = {
        # A verification asks whether a token is good, not what it is for.
        "access": ["native", "djoser", "cookie", "verify /auth/jwt/verify/", "verify /api/token/verify"],
        "browser": ["page"],
        "opaque": ["native", "djoser", "opaque"],
    }
    for kind, doors in own.items():
        assert let_in(service, tokens[kind]) == doors
    for text in (session["sid"], session["jti"], link.token, f"{link.uid}.{link.token}", "1", str(session["user_id"])):
        assert let_in(service, text) == []
    # It opens nothing by itself; in the end it is spent by the door that signs out.
    assert not any(opens(service, kind, tokens["refresh"]) for kind in ("access", "opaque", "browser"))


@pytest.mark.parametrize("place", ["query", "form", "json", "other header", "cookie of another name"])
def test_a_token_counts_nowhere_but_where_it_is_due(service: Server, ann: Person, place: str) -> None:
    access = access_of(service, ann)["Authorization"].partition(" ")[2]
    names = ("access_token", "access", "token", "auth_token", "jwt", "authorization", "bearer", "session")
    for name in names:
        for path in ("/api/password", "/auth/users/set_password/"):
            change = {"current_password": ann.password, "new_password": "never-vK8-set"}
            asked: dict[str, Any] = {
                "query": {"params": {name: access}, "json": change},
                "form": {"data": {**change, name: access}},
                "json": {"json": {**change, name: access}},
                "other header": {"json": change, "headers": {f"X-{name}": access}},
                "cookie of another name": {
                    "json": change,
                    "headers": {"Cookie": f"{name}={access}", "Sec-Fetch-Site": "same-origin"},
                },
            }
            assert service.client.post(path, **asked[place]).status_code == 401, (name, path)


def test_a_token_holds_nothing_private_and_an_id_that_nobody_guesses(service: Server, ann: Person) -> None:
    tokens = tokens_of(service, ann)
    ids = set()
    for kind in ("access", "refresh"):
        claims = jwt.decode(tokens[kind], options={"verify_signature": False})
        assert set(claims) == {"token_type", "exp", "iat", "jti", "user_id", "sid"}
        assert len(bytes.fromhex(claims["jti"])) >= 16
        assert len(bytes.fromhex(claims["sid"])) >= 16
        ids |= {claims["jti"], claims["sid"]}
    assert len(ids) == 3
    assert len(bytes.fromhex(tokens["opaque"])) == len(bytes.fromhex(tokens["browser"])) == 20


# --- what a true signature does not make good ------------------------------------------------------------------------


def test_under_a_true_signature_absurd_claims_are_refused(serve: Serve) -> None:
    """Whoever shares an HS256 secret may be careless, or mean."""
    shared = serve(ACTIVATION="off", JWT_ALGORITHM="HS256")
    ann = registered(shared, newcomer())
    now = int(time.time())
    good = {**CLAIMS, "user_id": str(ann), "iat": now}
    assert opens(shared, "access", jwt.encode(good, SECRET, "HS256"))
    odd: dict[str, list[object]] = {
        "nbf": [now + 60, 1e300, True, "now", [now], -1],
        "exp": [now, now - 1, True, "4000000000", 1e300, -1, [4_000_000_000], 10**40, None],
        "iat": [now + 3_600, True, "x", 10**40, -1],
        "user_id": [[ann], {"id": ann}, -ann, -1, 0, 10**30, 1.5, True, "", " 1", "1 OR 1=1", "\uff11", None],
        "jti": [None, "", [], 5, "\0", "x" * 10_000],
        "token_type": [None, "", "refresh", "sliding", ["access"], True],
        "sid": ["", "\0", "x" * 5_000],
    }
    for name, values in odd.items():
        for value in values:
            claims = {key: each for key, each in {**good, name: value}.items() if each is not None}
            header = {"alg": "HS256", "typ": "JWT"}
            signed = _head(header, claims)
            token = f"{signed}.{_b64(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())}"
            answer = shared.client.get("/api/user", headers=as_bearer(token))
            assert answer.status_code == 401, (name, value)
    for text in ('"exp":NaN', '"exp":Infinity', '"exp":1e999'):
        payload = json.dumps(good).replace('"exp": 4000000000', text)
        signed = f"{_b64(json.dumps({'alg': 'HS256'}).encode())}.{_b64(payload.encode())}"
        token = f"{signed}.{_b64(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())}"
        assert let_in(shared, token) == [], text


def test_hs256_tokens_of_another_secret_or_another_mac_are_refused(serve: Serve) -> None:
    shared = serve(ACTIVATION="off", JWT_ALGORITHM="HS256")
    good = {**CLAIMS, "user_id": str(registered(shared, newcomer())), "iat": int(time.time())}
    macs = [(alg, SECRET, digest) for alg in ("HS384", "HS256") for digest in ("sha384", "sha512", "sha1")]
    guesses = ("", "secret", "changeme", "your-256-bit-secret", f"{SECRET} ", SECRET[:-1], SECRET.upper())
    for alg, secret, digest in [*macs, *(("HS256", guess, "sha256") for guess in guesses)]:
        head = _head({"alg": alg, "typ": "JWT"}, good)
        token = f"{head}.{_b64(hmac.new(secret.encode(), head.encode(), digest).digest())}"
        assert not is_believed(shared, token), (alg, secret, digest)
