"""Whatever is sent to either dialect: never a 5xx, and always an answer of that dialect's shape."""

import asyncio
import base64
import gzip
import hmac
import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from .conftest import Serve
from .people import newcomer
from .raw import Answer, Connection, ask_all, chunked, json_request, opened, request_bytes
from .serving import SECRET, Server, as_bearer
from .shapes import djoser_fault, native_fault

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=x"
BAD = {400, 413, 415, 422}


class Path(NamedTuple):
    """A documented path: what it is asked with, whether it needs a caller, and the fields it reads."""

    method: str
    path: str
    fields: str = ""
    needs_caller: bool = False

    @property
    def reads(self) -> bool:
        return bool(self.fields)


class Case(NamedTuple):
    """One request and the statuses that would do."""

    path: Path
    about: str
    request: bytes
    statuses: Collection[int]


DJOSER = (
    Path("GET", "/auth/users/", needs_caller=True),
    Path("POST", "/auth/users/", "username email password"),
    Path("GET", "/auth/users/me/", needs_caller=True),
    Path("PUT", "/auth/users/me/", "email", needs_caller=True),
    Path("PATCH", "/auth/users/me/", "email", needs_caller=True),
    Path("DELETE", "/auth/users/me/", "current_password", needs_caller=True),
    Path("GET", "/auth/users/{id}/", needs_caller=True),
    Path("PUT", "/auth/users/{id}/", "email", needs_caller=True),
    Path("PATCH", "/auth/users/{id}/", "email", needs_caller=True),
    Path("DELETE", "/auth/users/{id}/", "current_password", needs_caller=True),
    Path("POST", "/auth/users/activation/", "uid token"),
    Path("POST", "/auth/users/resend_activation/", "email"),
    Path("POST", "/auth/users/set_password/", "current_password new_password", needs_caller=True),
    Path("POST", "/auth/users/reset_password/", "email"),
    Path("POST", "/auth/users/reset_password_confirm/", "uid token new_password"),
    Path("POST", "/auth/users/set_username/", "current_password new_username", needs_caller=True),
    Path("POST", "/auth/users/reset_username/", "email"),
    Path("POST", "/auth/users/reset_username_confirm/", "uid token new_username"),
    Path("POST", "/auth/token/login/", "username password"),
    Path("POST", "/auth/token/logout/", needs_caller=True),
    Path("POST", "/auth/jwt/create/", "username password"),
    Path("POST", "/auth/jwt/refresh/", "refresh"),
    Path("POST", "/auth/jwt/verify/", "token"),
    Path("POST", "/auth/jwt/blacklist/", "refresh"),
)
NATIVE = (
    Path("POST", "/api/register", "email password username re_password"),
    Path("POST", "/api/auth/register", "email password username re_password"),
    Path("POST", "/api/activate", "uid token"),
    Path("POST", "/api/activate/resend", "email"),
    Path("POST", "/api/login", "identifier password"),
    Path("POST", "/api/token", "username password"),
    Path("POST", "/api/auth/login", "email password"),
    Path("POST", "/api/token/refresh", "refresh"),
    Path("POST", "/api/token/verify", "token"),
    Path("POST", "/api/logout", "refresh", needs_caller=True),
    Path("GET", "/api/user", needs_caller=True),
    Path("PUT", "/api/user", "username email", needs_caller=True),
    Path("PATCH", "/api/user", "username email", needs_caller=True),
    Path("DELETE", "/api/user", "current_password", needs_caller=True),
    Path("GET", "/api/detail", needs_caller=True),
    Path("DELETE", "/api/delete_account", needs_caller=True),
    Path("POST", "/api/reset_password", "email"),
    Path("POST", "/api/reset_password/confirm", "uid token new_password re_new_password"),
    Path("POST", "/api/password", "current_password new_password", needs_caller=True),
    Path("GET", "/api/sessions", needs_caller=True),
    Path("DELETE", "/api/sessions", needs_caller=True),
    Path("DELETE", "/api/sessions/0", needs_caller=True),
)
ALL = (*DJOSER, *NATIVE)
READING = tuple(path for path in ALL if path.reads)
GUARDED = tuple(path for path in ALL if path.needs_caller)


@pytest.fixture(scope="module")
def service(serve: Serve) -> Server:
    return serve(ACTIVATION="off")


@pytest.fixture(scope="module")
def callers(service: Server) -> dict[Path, str]:
    """Sign somebody in for every path that needs a caller: what one path destroys is no other's."""
    found = {}
    for number, path in enumerate(GUARDED):
        account = {"username": f"bad{number}", "email": f"bad{number}@example.org", "password": "vK8-long-enough"}
        service.client.post("/auth/users/", json=account).raise_for_status()
        access = service.client.post("/auth/jwt/create/", json=account).raise_for_status().json()["access"]
        user_id = service.client.get("/auth/users/me/", headers=as_bearer(access)).json()["id"]
        found[path] = f"{user_id} {access}"
    return found


class Asking:
    """Sends cases, and tells which were not answered as they should be."""

    def __init__(self, service: Server, callers: dict[Path, str]) -> None:
        self._port = service.port
        self._callers = callers

    def body(
        self,
        path: Path,
        about: str,
        body: bytes | None,
        kind: str | bytes | None,
        statuses: Collection[int] = BAD,
        more: Iterable[tuple[bytes, bytes]] = (),
    ) -> Case:
        """Make a case of a body, sent by somebody who may."""
        user_id, _, access = self._callers.get(path, "").partition(" ")
        auth = f"Bearer {access}" if access else None
        spelled = path.path.replace("{id}", user_id)
        return Case(path, about, request_bytes(path.method, spelled, body, kind, auth=auth, more=more), statuses)

    async def expect(self, cases: Iterable[Case]) -> None:
        """Ask, and fail with a line for each answer that is wrong."""
        cases = list(cases)
        assert cases
        answers = await ask_all(self._port, [case.request for case in cases])
        wrong = [
            f"{case.path.method} {case.path.path}, {case.about}: {fault}; {answer.status} {answer.body[:200]!r}"
            for case, answer in zip(cases, answers, strict=True)
            if (fault := _fault(case, answer))
        ]
        if wrong:
            pytest.fail("\n".join([f"{len(wrong)} of {len(cases)} were answered wrongly", *wrong[:40]]), pytrace=False)


@pytest.fixture
def asking(service: Server, callers: dict[Path, str]) -> Asking:
    return Asking(service, callers)


def _fault(case: Case, answer: Answer) -> str | None:
    judge = djoser_fault if case.path.path.startswith("/auth") else native_fault
    if fault := judge(answer):
        return fault
    if answer.status not in case.statuses:
        return f"not one of {sorted(case.statuses)}"
    if case.path in DJOSER and "allow" not in answer.headers:
        return "no Allow"
    return None


# --- bodies ----------------------------------------------------------------------------------------------------------

BROKEN_JSON = {
    "an open brace": b"{",
    "a trailing comma": b'{"email": "a@example.org",}',
    "single quotes": b"{'email': 'a@example.org'}",
    "NaN": b'{"email": NaN}',
    "Infinity": b'{"email": -Infinity}',
    "no UTF-8": b'{"email": "\xff\xfe"}',
    "UTF-16": '{"email": "a@example.org"}'.encode("utf-16"),
    "UTF-32": '{"email": "a@example.org"}'.encode("utf-32-le"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": rb'{"email": "\ud800@example.org"}',
    "a lone surrogate as a key": rb'{"\udfff": 1}',
    "an encoded surrogate": b'{"email": "\xed\xa0\x80"}',
    "a raw NUL": b'{"email": "\x00"}',
    "a raw line break": b'{"email": "a\nb"}',
    "two values": b"{} {}",
    "a comment": b"{} // nothing",
    "nothing but blanks": b" \n\t ",
    "brackets as deep as fit": b"[" * 65_000,
    "closed brackets": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "gzip": gzip.compress(b'{"email": "a@example.org"}'),
    "a form": b"email=a@example.org",
    "a hexadecimal number": b'{"email": 0x10}',
    "a number with a plus": b'{"email": +1}',
    "a leading zero": b'{"email": 01}',
}


async def test_broken_json_is_400_everywhere(asking: Asking) -> None:
    await asking.expect(
        asking.body(path, about, body, JSON, {400}) for path in READING for about, body in BROKEN_JSON.items()
    )


async def test_json_that_is_no_object_is_400_everywhere(asking: Asking) -> None:
    bodies = (b"[]", b'[{"email": "a@example.org"}]', b'"text"', b"5", b"-0.5", b"true", b"null", b"1e300")
    await asking.expect(asking.body(path, body.decode(), body, JSON, {400}) for path in READING for body in bodies)


ODD_VALUES = {
    "null": b"null",
    "true": b"true",
    "a list": b"[]",
    "a list of one": b'["a@example.org"]',
    "an object": b'{"$ne": ""}',
    "nothing": b'""',
    "blanks": b'"  \\t\\n "',
    "a NUL": rb'"a\u0000b@example.org"',
    "only a NUL": rb'"\u0000"',
    "line breaks": rb'"a@example.org\r\nBcc: b@example.org"',
    "control characters": rb'"\u0001\u001b[31m\u007f\u0085"',
    "right to left": rb'"\u202egro.elpmaxe@a"',
    "beyond the plane": '"👩‍👩‍👧‍👦"'.encode(),
    "combining marks": b'"' + "e\u0301".encode() * 4_000 + b'"',
    "what NFKC makes longer": b'"' + "\ufdfa".encode() * 600 + b'"',
    "sixty thousand letters": b'"' + b"a" * 60_000 + b'"',
    "zero": b"0",
    "minus zero": b"-0.0",
    "2 to the 63rd": b"9223372036854775808",
    "2 to the 64th": b"18446744073709551616",
    "thousands of digits": b"1" * 6_000,
    "minus thousands of digits": b"-" + b"9" * 6_000,
    "a tiny number": b"1e-400",
    "SQL": b'"\' OR 1=1; --"',
    "a template": b'"{{ 7*7 }}${7*7}%s%n"',
    "a format": b'"{0.__class__}{about}"',
    "a path": b'"../../../../etc/passwd"',
    "two addresses": b'"a@example.org,b@example.org"',
}
# Fields that a client may leave empty or fill with anything, without being refused for it.
HARMLESS = {200, 201, 204, 401, 409, 410}


async def test_odd_values_in_any_field_never_break_anything(asking: Asking) -> None:
    def cases() -> Iterator[Case]:
        for path in READING:
            names = path.fields.split()
            for name in names:
                others = [f'"{other}": "vK8-long-enough"'.encode() for other in names if other != name]
                for about, value in ODD_VALUES.items():
                    body = b"{" + b", ".join([*others, b'"%s": %s' % (name.encode(), value)]) + b"}"
                    yield asking.body(path, f"{name} is {about}", body, JSON, BAD | HARMLESS | {403})

    # Signed out by one odd value, a caller is a stranger to the next: that is as well tried.
    await asking.expect(cases())


async def test_numbers_beyond_all_bounds_are_4xx(asking: Asking) -> None:
    numbers = (b"1e999", b"-1e999", b"1e99999999999", b"0." + b"1" * 30_000, b"1" * 60_000)
    await asking.expect(
        asking.body(path, number[:12].decode(), b'{"%s": %s}' % (name.encode(), number), JSON, BAD | {401, 410})
        for path in READING
        for name in path.fields.split()[:1]
        for number in numbers
        if path.path != "/api/logout" and path.method != "PATCH" and (path.method, path.path) != ("PUT", "/api/user")
    )


# --- forms and multipart ---------------------------------------------------------------------------------------------

ODD_FORMS = {
    "a lone percent": b"%",
    "no hexadecimal": b"email=%zz&%zz=1",
    "half an escape": b"email=%4",
    "only separators": b"&&&===&;",
    "no value": b"email",
    "no name": b"=a@example.org",
    "a NUL": b"email=%00&username=%00&password=%00&uid=%00&token=%00&refresh=%00",
    "raw blanks": b"email=a b\r\n",
}
UNREADABLE_FORMS = {
    "escaped bytes that are no UTF-8": b"email=%ff%fe",
    "bytes that are no UTF-8": b"email=\xff",
    "a thousand fields": b"&".join(b"f%d=1" % number for number in range(1_000)),
    "sixty thousand separators": b"a&" * 30_000,
}


async def test_odd_forms_are_refused_or_read_as_they_stand(asking: Asking) -> None:
    odd = [(about, body, BAD | {401}) for about, body in ODD_FORMS.items()]
    unreadable = [(about, body, {400}) for about, body in UNREADABLE_FORMS.items()]
    await asking.expect(
        asking.body(path, about, body, FORM, statuses)
        for path in READING
        for about, body, statuses in [*odd, *unreadable]
        # These take a form with nothing of theirs in it.
        if not (path.method in {"PUT", "PATCH"} or path.path == "/api/logout") or statuses == {400}
    )


def _part(name: bytes, value: bytes = b"v", more: bytes = b"") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name, more, value)


BROKEN_MULTIPART = {
    "no part": b"nothing of the kind",
    "an empty preamble": b"\r\n\r\n",
    "cut off in a head": b'--x\r\nContent-Disposition: form-data; name="em',
    "cut off in a value": b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na@exam',
    "no end": _part(b"email"),
    "no headers": b"--x\r\n\r\nvalue\r\n--x--\r\n",
    "no disposition": b"--x\r\nContent-Type: text/plain\r\n\r\nvalue\r\n--x--\r\n",
    "a header without a colon": b"--x\r\nContent-Disposition\r\n\r\nvalue\r\n--x--\r\n",
    "another boundary": _part(b"email").replace(b"--x", b"--y") + b"--y--\r\n",
    "a thousand parts": b"".join(_part(b"f%d" % number) for number in range(1_000)) + b"--x--\r\n",
    "a giant header": b"--x\r\nContent-Disposition: form-data; name=" + b"a" * 50_000 + b"\r\n\r\nv\r\n--x--\r\n",
    "a value that is no UTF-8": _part(b"email", b"\xff\xfe") + b"--x--\r\n",
}
ODD_MULTIPART = {
    "no name": b'--x\r\nContent-Disposition: form-data; name=""\r\n\r\nv\r\n--x--\r\n',
    "only a file name": b'--x\r\nContent-Disposition: form-data; filename="a"\r\n\r\nv\r\n--x--\r\n',
    "files in every field": b"".join(
        _part(name, b"\x00\xff", b'; filename="../../etc/passwd"')
        for name in (b"email", b"username", b"password", b"identifier", b"uid", b"token", b"refresh")
    )
    + b"--x--\r\n",
    "no bytes in it": b"--x--\r\n",
    "a NUL in a name": _part(b"em\x00ail") + b"--x--\r\n",
    "bytes in a name": _part(b"\xff\xfe") + b"--x--\r\n",
    "a foreign charset": _part(b"email").replace(
        b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n", 1
    )
    + b"--x--\r\n",
    "a transfer encoding": _part(b"email").replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1)
    + b"--x--\r\n",
    "bare line feeds": (_part(b"email") + b"--x--\r\n").replace(b"\r\n", b"\n"),
    "something after the end": _part(b"email") + b"--x--\r\nand more\r\n--x\r\n",
    "multipart in multipart": _part(b"email", _part(b"email") + b"--x--") + b"--x--\r\n",
}


async def test_broken_multipart_is_400_everywhere(asking: Asking) -> None:
    await asking.expect(
        asking.body(path, about, body, MULTIPART, {400}) for path in READING for about, body in BROKEN_MULTIPART.items()
    )


async def test_odd_multipart_is_refused_or_read_as_it_stands(asking: Asking) -> None:
    await asking.expect(
        asking.body(path, about, body, MULTIPART, BAD | {401} | ({200} if _takes_nothing(path) else set()))
        for path in READING
        for about, body in ODD_MULTIPART.items()
    )


def _takes_nothing(path: Path) -> bool:
    return path.method in {"PUT", "PATCH"} or path.path == "/api/logout"


async def test_a_multipart_body_needs_a_usable_boundary(asking: Asking) -> None:
    body = _part(b"email", b"a@example.org") + b"--x--\r\n"
    kinds = (
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b'multipart/form-data; boundary="x',
        b"multipart/form-data; boundary=" + b"x" * 5_000,
        b"multipart/form-data; boundary=\xff",
        b"multipart/form-data; boundary=y; boundary=z",
    )
    await asking.expect(
        asking.body(path, kind.decode("latin-1")[:50], body, kind, {400}) for path in READING for kind in kinds
    )


# --- content types, encodings and sizes ------------------------------------------------------------------------------


async def test_a_content_type_nobody_reads_is_415(asking: Asking) -> None:
    kinds = (
        *(b"text/plain", b"application/xml", b"text/json", b"application/vnd.api+json", b"application/x-pickle"),
        *(b"*/*", b"application/*", b"json", b";", b";;;charset=utf-8", b"application/json, text/plain"),
        *(b"application/jsonx", b"application//json", b"\xe4pplication/json", b"multipart/mixed; boundary=x"),
        b"a" * 5_000,
    )
    await asking.expect(
        asking.body(path, kind.decode("latin-1")[:40], b'{"email": "a@example.org"}', kind, {415})
        for path in READING
        for kind in kinds
    )


async def test_a_body_without_a_content_type_is_415(asking: Asking) -> None:
    await asking.expect(asking.body(path, "no content type", b"{}", None, {415}) for path in READING)


async def test_a_charset_is_only_a_word(asking: Asking) -> None:
    """JSON is UTF-8, whatever the content type says of it; no codec of a stranger's choice is ever looked up."""
    kinds = [f"{JSON}; charset={name}" for name in ("utf-8", "UTF-16", "utf-7", "zip", "../../x", '"', "idna" * 100)]
    await asking.expect(
        asking.body(path, kind[:40], b'{"email": 5', kind, {400})
        for path in READING
        for kind in [*kinds, "APPLICATION/JSON", " application/json ;", "application/json;;;"]
    )


async def test_a_compressed_body_is_never_unpacked(asking: Asking) -> None:
    bomb = gzip.compress(b"[" * 10_000_000)
    await asking.expect(
        asking.body(path, name, bomb, JSON, {400, 415}, more=[(b"Content-Encoding", name.encode())])
        for path in READING
        for name in ("gzip", "deflate", "br", "zstd", "identity, gzip")
    )


async def test_a_body_of_64_kib_is_read_and_a_byte_more_is_413(asking: Asking) -> None:
    def padded(length: int) -> bytes:
        return b'{"email": 1}' + b" " * (length - 12)

    await asking.expect(
        case
        for path in READING
        if not _takes_nothing(path)
        for case in (
            asking.body(path, "64 KiB", padded(65_536), JSON, BAD - {413} | {401}),
            asking.body(path, "a byte more", padded(65_537), JSON, {413}, more=[(b"Connection", b"close")]),
        )
    )


async def test_a_chunked_body_is_counted_as_it_comes(asking: Asking) -> None:
    chunks = [(b"Transfer-Encoding", b"chunked")]
    await asking.expect(
        case
        for path in READING
        if not _takes_nothing(path)
        for case in (
            asking.body(path, "little in chunks", chunked(b'{"email": 1}', 3), JSON, BAD - {413} | {401}, chunks),
            asking.body(
                path, "much in chunks", chunked(b" " * 80_000), JSON, {413}, [*chunks, (b"Connection", b"close")]
            ),
        )
    )


async def test_a_body_announced_too_large_is_413_before_it_comes(asking: Asking) -> None:
    close = (b"Connection", b"close")
    await asking.expect(
        asking.body(path, length.decode(), b"", JSON, {413}, [(b"Content-Length", length), close])
        for path in READING
        for length in (b"65537", b"4294967296", b"9223372036854775807")
    )


async def test_a_megabyte_that_is_really_sent_is_413(asking: Asking, service: Server) -> None:
    body = b'{"password": "' + b"x" * 1_000_000 + b'"}'
    await asking.expect(asking.body(path, "a megabyte", body, JSON, {413}) for path in READING[:3])
    assert service.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(headers, id=headers.decode("latin-1").replace("\r\n", " ")[:40])
        for headers in (
            b"Content-Length: abc",
            b"Content-Length: -1",
            b"Content-Length: 1 1",
            b"Content-Length: 99999999999999999999999999",
            b"Content-Length: 2\r\nContent-Length: 3",
            b"Content-Length: 2\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: gzip",
            b"Content-Length : 2",
            b"Bad Header: 1",
            b"No-Colon",
            b"Nul: a\0b",
        )
    ],
)
async def test_ambiguous_framing_is_refused_and_the_connection_closed(service: Server, headers: bytes) -> None:
    """Two readings of where a request ends are how one is smuggled behind another (RFC 9112 11.2)."""
    async with opened(service.port) as (reader, writer):
        writer.write(
            b"POST /api/token/verify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + headers
            + b"\r\n\r\n{}"
            b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        async with asyncio.timeout(10):
            everything = await reader.read()
    assert everything.startswith(b"HTTP/1.1 4")
    assert everything.count(b"HTTP/1.1 ") == 1


# --- methods, paths and queries --------------------------------------------------------------------------------------

COMMON_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")
ODD_METHODS = ("CONNECT", "PROPFIND", "MKCOL", "M-SEARCH", "QUERY", "SOURCE", "PURGE", "LINK")
UNKNOWN_METHODS = ("FROB", "post", "GETT", "BREW", "X" * 100, "G\u00e9T")


def _methods_of(path: str) -> set[str]:
    found = {each.method for each in ALL if each.path == path}
    return {*found, "HEAD"} if "GET" in found else found


async def test_a_method_that_a_path_lacks_is_405_with_what_it_has(asking: Asking, service: Server) -> None:
    cases = [
        Case(Path(method, path), method, request_bytes(method, path.replace("{id}", "1"), b"{}", JSON), {405})
        for path in sorted({path.path for path in ALL})
        for method in (*COMMON_METHODS, *ODD_METHODS)
        if method not in _methods_of(path)
    ]
    await asking.expect(cases)
    for case, answer in zip(cases, await ask_all(service.port, [case.request for case in cases]), strict=True):
        allowed = set(answer.headers["allow"].split(", "))
        # What it says it has, it has.
        assert allowed - {"HEAD", "OPTIONS"} == _methods_of(case.path.path) - {"HEAD"}, case


async def test_a_method_unknown_to_http_is_refused_in_json(service: Server) -> None:
    requests = [request_bytes(method, path) for method in UNKNOWN_METHODS for path in ("/auth/users/me/", "/api/user")]
    for answer in await ask_all(service.port, requests):
        assert (answer.status, answer.kind) == (400, JSON)
        assert set(answer.json()) == {"detail"}


async def test_a_method_in_a_header_or_a_field_changes_nothing(asking: Asking) -> None:
    overrides = [(name, b"DELETE") for name in (b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override")]
    path = Path("POST", "/auth/jwt/verify/", "token")
    await asking.expect(
        asking.body(path, "overridden", b"token=x&_method=DELETE", FORM, {401}, more=[override])
        for override in overrides
    )


ODD_IDS = (
    *("0", "-1", "-0", "00", "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *(
        "9" * 18,
        "9" * 19,
        "9" * 400,
        "1e5",
        "0x10",
        "1.0",
        "1,000",
        "+1",
        "%2B1",
        "1%20",
        "%201",
        "1%00",
        "%00",
        "%0a1",
    ),
    *("%D9%A1", "%EF%BC%91", "%C2%B2", "%ff", "%zz", "%", "%2", "%25", "true", "null", "None", "*", "me%00", "%2e%2e"),
    *("..%2fusers", "1;2", "1%2f2", "'%20OR%20'1'='1", "{}", "%7B%7D", "a" * 5_000, "_", "-", "ME", "Me"),
)


async def test_an_id_that_nobody_has_is_404_for_everybody(asking: Asking, callers: dict[Path, str]) -> None:
    _, _, access = callers[DJOSER[0]].partition(" ")
    auths = (None, f"Bearer {access}")
    await asking.expect(
        Case(
            Path(method, f"/auth/users/{odd}/"),
            "signed in" if auth else "a stranger",
            request_bytes(method, f"/auth/users/{odd}/", b"{}", JSON, auth=auth),
            # To a stranger every number is one and the same.
            {404} if auth else {401, 404},
        )
        for odd in ODD_IDS
        for method in ("GET", "PUT", "PATCH", "DELETE")
        for auth in auths
    )


async def test_a_session_that_nobody_has_is_404(asking: Asking, callers: dict[Path, str]) -> None:
    _, _, access = callers[DJOSER[0]].partition(" ")
    await asking.expect(
        Case(
            Path("DELETE", f"/api/sessions/{odd}"),
            "odd",
            request_bytes("DELETE", f"/api/sessions/{odd}", auth=f"Bearer {access}"),
            {404},
        )
        for odd in ODD_IDS
    )


ODD_QUERIES = (
    *("?", "?&&&", "?=", "?a=%", "?a=%zz", "?a=%ff", "?%00=%00", "?a[]=1&a[b][c]=2", "?format=xml", "?limit=-1"),
    *("?token=x&access_token=y", "?" + "a=1&" * 5_000, "?" + "q" * 30_000, "?a=1#frag", "?;DROP TABLE", "?__proto__=1"),
)


async def test_a_query_string_changes_nothing(asking: Asking, service: Server) -> None:
    paths = [path for path in ALL if path.needs_caller and "{" not in path.path]
    cases = [
        Case(path, query[:20], request_bytes(path.method, path.path + query.replace(" ", "%20"), b"{}", JSON), {401})
        for path in paths
        for query in ODD_QUERIES
    ]
    await asking.expect(cases)
    plain = await ask_all(service.port, [request_bytes(path.method, path.path, b"{}", JSON) for path in paths])
    asked = await ask_all(service.port, [case.request for case in cases])
    wanted = {path: answer.body for path, answer in zip(paths, plain, strict=True)}
    assert [answer.body for answer in asked] == [wanted[case.path] for case in cases]


async def test_no_token_is_taken_from_a_query_string(service: Server, callers: dict[Path, str]) -> None:
    access = callers[DJOSER[0]].partition(" ")[2]
    for name in ("token", "access_token", "access", "auth_token", "jwt", "Authorization"):
        for path in ("/auth/users/me/", "/api/user"):
            assert service.client.get(f"{path}?{name}={access}").status_code == 401


ODD_PATHS = (
    *("/auth", "/auth/", "/api", "/api/", "/auth/nothing/", "/api/nothing", "/auth/jwt/", "/auth/jwt/createX"),
    *("/auth/users/me.json", "/api/user.json", "/auth/users/me/x/", "/api/user/x/y/z", "/api/sessions/1/2"),
    *("/auth/%2e%2e/api/user", "/api/../../etc/passwd", "/api/..%2f..%2fetc/passwd", "/auth/users/..;/me/"),
    *("/API/user", "/Auth/users/", "/auth/users/ME/", "/api/%75ser%00", "/auth\\users\\", "/auth/users%00/", "/api/%"),
    *("/auth/" + "a/" * 2_000, "/api/" + "a" * 20_000, "/api/%ff%fe", "/auth/jwt/create/%0d%0aX-Evil:%201"),
)


async def test_a_path_that_is_none_is_404(asking: Asking) -> None:
    await asking.expect(
        Case(Path(method, path), "no path", request_bytes(method, path, b"{}", JSON), {404})
        for path in ODD_PATHS
        for method in ("GET", "POST", "DELETE")
        # Words below users/ could be ids, so they have the methods of one.
        if not (method == "POST" and path.startswith("/auth/users/me.json"))
    )


async def test_doubled_slashes_reach_no_other_answer_than_single_ones(asking: Asking) -> None:
    def doubled(path: str) -> Iterator[str]:
        yield f"/{path}"
        yield path.replace("/", "//")
        yield f"{path.rstrip('/')}//"

    await asking.expect(
        Case(path, spelled, request_bytes(path.method, spelled, b"{", JSON), {400, 401, 404})
        for path in ALL
        if "{" not in path.path
        for spelled in doubled(path.path)
    )


# --- credentials and other headers -----------------------------------------------------------------------------------


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _crafted(header: object, payload: object, signature: str = "c2ln") -> str:
    return f"{_text(json.dumps(header).encode())}.{_text(json.dumps(payload).encode())}.{signature}"


def _signed(payload: object, key: str, **header: object) -> str:
    signed = _crafted({"alg": "HS256", "typ": "JWT", **header}, payload).rpartition(".")[0]
    return f"{signed}.{_text(hmac.digest(key.encode(), signed.encode(), 'sha256'))}"


CLAIMS: dict[str, object] = {
    "token_type": "access",
    "exp": 4_000_000_000,
    "iat": 1_600_000_000,
    "jti": "0" * 32,
    "user_id": "1",
}
ODD_KEY_IDS = (
    "",
    "../../../../dev/null",
    "/dev/null",
    "' OR 1=1 --",
    "http://127.0.0.1/key",
    "a" * 4_000,
    "\0",
    None,
    5,
)


def _forged() -> Iterator[str]:
    for name in ("none", "None", "NONE", "nOnE", "", " none", "none\0", "HS256", "hs256", "HS384", "RS256", "b64"):
        signed = _crafted({"alg": name, "typ": "JWT"}, CLAIMS)
        yield from (signed, signed.removesuffix("c2ln"), signed.rpartition(".")[0])
    odd: object
    for odd in (None, 0, 1e999, [], {}, True, ["ES256"]):
        yield _crafted({"alg": odd, "typ": "JWT"}, CLAIMS)
    for kid in ODD_KEY_IDS:
        yield _crafted({"alg": "ES256", "typ": "JWT", "kid": kid}, CLAIMS)
    for member in ("jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "cty"):
        yield _crafted({"alg": "ES256", "typ": "JWT", member: {"kty": "oct", "k": "AA"}}, CLAIMS)
    for key in (SECRET, "", "secret"):
        yield _signed(CLAIMS, key)
    payload: object
    for payload in ([], "text", 5, None, {}, [CLAIMS]):
        yield _crafted({"alg": "ES256", "typ": "JWT"}, payload)


def _mangled(genuine: str) -> Iterator[str]:
    header, payload, signature = genuine.split(".")
    yield from (genuine[:-1], genuine + "A", genuine + "=", f"{genuine}.", f".{genuine}", f"{genuine}.{genuine}")
    yield from (f"{header}..{signature}", f"{header}.{payload}.", f"..{signature}", f"{header}.{payload}")
    yield from (f"{payload}.{header}.{signature}", genuine.swapcase(), genuine.replace(".", ","), genuine[::-1])
    yield f"{header}.{_text(json.dumps(CLAIMS).encode())}.{signature}"


NO_TOKENS = (
    *("x", ".", "..", "...", "a.b.c", "." * 1_000, "a" * 39, "a" * 40, "a" * 41, "0" * 40, "A" * 30_000),
    *("eyJ.eyJ.eyJ", "e30.e30.", "e30.e30.e30", "null", "undefined", "[object%20Object]", "%00", "é.è.ê", "💣"),
)


async def test_a_token_that_is_not_ours_is_401_wherever_it_is_sent(asking: Asking, callers: dict[Path, str]) -> None:
    genuine = callers[DJOSER[0]].partition(" ")[2]
    tokens = [*NO_TOKENS, *_forged(), *_mangled(genuine)]

    def cases() -> Iterator[Case]:
        for token in tokens:
            for path in (Path("GET", "/auth/users/me/"), Path("GET", "/api/user"), Path("POST", "/auth/users/")):
                for scheme in ("Bearer", "JWT", "Token", "bearer"):
                    asked = request_bytes(path.method, path.path, auth=f"{scheme} {token}")
                    yield Case(path, f"{scheme} {token[:40]}", asked, {401})
            for verb, field in (("verify", "token"), ("refresh", "refresh")):
                for path in (Path("POST", f"/auth/jwt/{verb}/"), Path("POST", f"/api/token/{verb}")):
                    yield Case(path, token[:40], json_request("POST", path.path, {field: token}), {401})
            for path in (Path("POST", "/auth/jwt/blacklist/"), Path("POST", "/api/logout")):
                yield Case(path, token[:40], json_request("POST", path.path, {"refresh": token}), {401})

    await asking.expect(cases())


ODD_CLAIMS: tuple[object, ...] = (
    *(True, "", "x", "0", -1, 1e300, 10**30, 2**63, [], {}, "1\0", "\ud800", "\uff11", "1" * 5_000, None),
)
# Any printable text is an id, and no token needs to say when it was made.
GOOD_CLAIMS = (("jti", "x"), ("jti", "0"), ("iat", None))
FOREIGN_HEADERS: tuple[tuple[str, object], ...] = (
    *(("alg", name) for name in ("none", "hs256", "HS384", "RS256", None)),
    *(
        ("typ", "x"),
        ("kid", "1"),
        ("kid", ""),
        ("crit", ["exp"]),
        ("crit", []),
        ("b64", False),
        ("jwk", {"kty": "oct"}),
    ),
)


def _odd_tokens(claims: dict[str, object]) -> Iterator[str]:
    for name in claims:
        yield from (_signed({**claims, name: odd}, SECRET) for odd in ODD_CLAIMS if (name, odd) not in GOOD_CLAIMS)
    for name in ("nbf", "sid"):
        yield from (_signed({**claims, name: odd}, SECRET) for odd in ("", "\0", "x" * 5_000, "\ud800"))
    yield from (_signed(claims, SECRET, **{name: odd}) for name, odd in FOREIGN_HEADERS)


async def test_under_a_true_signature_odd_claims_and_headers_are_401_all_the_same(serve: Serve) -> None:
    service = serve(ACTIVATION="off", JWT_ALGORITHM="HS256")
    ann = newcomer()
    user_id = service.client.post("/auth/users/", json=ann.sign_up).raise_for_status().json()["id"]
    access = {**CLAIMS, "user_id": str(user_id)}
    refresh = {**access, "token_type": "refresh", "jti": "1" * 32}

    def cases(accesses: Iterable[str], refreshes: Iterable[str], status: int) -> Iterator[Case]:
        for token in accesses:
            for path in (Path("GET", "/auth/users/me/"), Path("GET", "/api/user")):
                yield Case(path, token, request_bytes("GET", path.path, auth=f"Bearer {token}"), {status})
        for token in refreshes:
            for path in (Path("POST", "/auth/jwt/refresh/"), Path("POST", "/api/token/refresh")):
                yield Case(path, token, json_request("POST", path.path, {"refresh": token}), {status})

    asking = Asking(service, {})
    # As they should be, they are good: so it is what is odd about the others that is refused.
    await asking.expect(cases([_signed(access, SECRET)], [_signed(refresh, SECRET)], 200))
    await asking.expect(cases(_odd_tokens(access), _odd_tokens(refresh), 401))


async def test_of_two_authorization_headers_none_is_believed(service: Server, callers: dict[Path, str]) -> None:
    """Whoever stands in front of the service may have looked at the other one."""
    genuine = f"Bearer {callers[DJOSER[0]].partition(' ')[2]}".encode()
    for path in (Path("GET", "/auth/users/me/"), Path("GET", "/api/user")):
        for pair in ([genuine, b"Basic YTpi"], [b"Basic YTpi", genuine], [genuine, genuine]):
            request = request_bytes("GET", path.path, more=[(b"Authorization", value) for value in pair])
            (answer,) = await ask_all(service.port, [request])
            assert _fault(Case(path, "two", request, {401}), answer) is None


ODD_HEADERS = {
    "no credentials in it": b"Authorization:",
    "blanks": b"Authorization:    \t ",
    "only a scheme": b"Authorization: Bearer",
    "another scheme": b"Authorization: Basic YTpi",
    "raw bytes": b"Authorization: \xff\xfe \x80",
    "many words": b"Authorization: Bearer" + b" x" * 5_000,
    "many headers": b"\r\n".join(b"X-%d: x" % number for number in range(500)),
    "broken cookies": b'Cookie: =; ;; a; b="; __Host-access=; refresh="\\377"; access=\xff',
    "a cookie that is no token": b"Cookie: __Host-access=%00.%ff.x; refresh=x",
    "a thousand cookies": b"Cookie: " + b"; ".join(b"c%d=1" % number for number in range(1_000)),
    "forwarding": b"X-Forwarded-For: x\r\nX-Forwarded-Host: evil.example\r\nForwarded: for=_x;host=evil",
    "another host": b"Host: evil.example",
    "a content type for no body": b"Content-Type: application/octet-stream",
    "an absurd Accept": b"Accept: application/xml;q=x, */*;q=-1\r\nAccept-Language: \xff\r\nAccept-Charset: utf-7",
    "an upgrade": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
    "a request for HTTP/2": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ",
    "an expectation": b"Expect: 200-ok",
    "ranges": b"Range: bytes=0-0,-1\r\nIf-None-Match: *\r\nIf-Modified-Since: never",
    "origins": b"Origin: null\r\nSec-Fetch-Site: \xff\r\nReferer: \xff",
    "a long agent": b"User-Agent: " + b"\xe4" * 10_000,
}


async def test_odd_headers_leave_a_stranger_a_stranger(service: Server) -> None:
    """Each on a connection of its own, for some of them end it."""
    for about, headers in ODD_HEADERS.items():
        for path in (Path("GET", "/auth/users/me/"), Path("GET", "/api/user")):
            connection = Connection(service.port)
            answer = await connection.ask(f"GET {path.path} HTTP/1.1\r\nHost: a\r\n".encode() + headers + b"\r\n\r\n")
            await connection.close()
            assert _fault(Case(path, about, b"", {401}), answer) is None, about


async def test_content_types_that_disagree_are_read_as_one_or_refused(service: Server) -> None:
    twice = b'Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\n{"token": "x"}'
    for path in (Path("POST", "/auth/jwt/verify/"), Path("POST", "/api/token/verify")):
        (answer,) = await ask_all(service.port, [f"POST {path.path} HTTP/1.1\r\nHost: a\r\n".encode() + twice])
        assert _fault(Case(path, "two types", b"", {401, 415}), answer) is None


async def test_junk_and_giants_cost_one_connection_and_nothing_else(service: Server) -> None:
    for junk in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /api/user HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /api/user HTTP/1.1\r\nAuthorization: Bearer \x01\x02\r\n\r\n",
        b"GET /api/user HTTP/1.1\r\n" + b"X: a\r\n" * 40_000 + b"\r\n",
        b"\0" * 10_000,
        b"\r\n" * 10_000 + b"GET\0",
    ):
        async with opened(service.port) as (reader, writer), asyncio.timeout(10):
            with suppress(ConnectionError):
                writer.write(junk)
                writer.write_eof()
                answered = await reader.read()
                assert answered == b"" or answered.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), junk[:40]
    assert service.client.get("/health").status_code == 200
