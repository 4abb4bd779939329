"""What can be read by whoever gets hold of the files, the database, the log or a backup."""

import asyncio
import base64
import json
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import newcomer
from tests.integration.wire.serving import SECRET, Server, as_bearer, let_mail_come, link_to

from .acting import NEW_PASSWORD, confirmed, looked_at, page, registered, reset, reset_link, tokens_of


def journey(server: Server) -> list[str]:
    """Do all that people do, well and badly, and return every secret there was on the way."""
    ann, client = newcomer(), server.client
    secrets = [ann.password, NEW_PASSWORD, "wrong-vK8-guess", "a-third-vK8-word", "a-fourth-vK8-word"]
    registered(server, ann)
    links = [link_to(server.mailbox, ann.email)]
    looked_at(server, f"/activate/{links[0].uid}/{links[0].token}", "0" * 40)
    page(server, f"/activate/{links[0].uid}/{links[0].token}")
    client.post("/api/login", json={"identifier": "wrong-vK8-guess", "password": "wrong-vK8-guess"})
    page(server, "/sign-in", cookies={"probe": "1"}, name=ann.email, password="wrong-vK8-guess")
    given = tokens_of(server, ann)
    access = as_bearer(given["access"])
    client.get(f"/api/user?token={given['access']}&password={ann.password}", headers=access)
    client.get(f"/api/sessions/{given['refresh']}/{given['opaque']}")
    client.get("/api/user", headers={"User-Agent": "curl", "Referer": f"https://x/?{given['browser']}"})
    links += [reset_link(server, ann, "username")]
    client.post("/auth/users/reset_username_confirm/", json={**links[-1].halves, "new_username": newcomer().username})
    links += [reset_link(server, ann), reset_link(server, ann)]
    assert reset(server, links[-1]) == 204
    again = tokens_of(server, ann.with_password(NEW_PASSWORD))
    change = {"current_password": NEW_PASSWORD, "new_password": "a-third-vK8-word"}
    client.post("/api/password", json=change, headers=as_bearer(again["access"])).raise_for_status()
    client.patch("/api/user", json={"email": f"new.{ann.email}"}, headers=as_bearer(again["access"])).raise_for_status()
    links += [link_to(server.mailbox, f"new.{ann.email}")]
    server.run("users", "set-password", ann.email, "--password-stdin", stdin="a-fourth-vK8-word\n")
    let_mail_come(server)
    for link in links:
        secrets += [link.token, link.token.partition("-")[2]]
    for token in (*given.values(), *again.values()):
        secrets += [token, token.rpartition(".")[2]]
    return [*dict.fromkeys(secrets), SECRET]


def spellings(secret: str) -> Iterator[bytes]:
    """Give the forms in which a secret could be written down."""
    raw = secret.encode()
    yield from (raw, raw[::-1], raw.hex().encode(), quote(secret, safe="").encode())
    yield from (base64.b64encode(raw).rstrip(b"="), secret.encode("utf-16-le"))
    try:
        yield bytes.fromhex(secret)
    except ValueError:
        return


async def _rows(url: str) -> bytes:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert len(tables) >= 5
        found = [await connection.fetch(f'SELECT t::text FROM "{table[0]}" t') for table in tables]
        return "\n".join(str(row[0]) for rows in found for row in rows).encode()
    finally:
        await connection.close()


def test_no_secret_of_a_whole_journey_can_be_read_anywhere(either: Server) -> None:
    secrets = journey(either)
    time.sleep(0.5)
    written = either.log.encode()
    assert written.count(b'"event":"request"') >= 20
    for file in either.folder.rglob("*"):
        # A secret that the operator gave stands nowhere; the one we make has a file of its own.
        written += file.read_bytes() if file.is_file() else b""
    if either.database_url.startswith("postgresql"):
        written += asyncio.run(_rows(either.database_url))
    for words in (
        ("journal", "--json"),
        ("users", "list", "--json"),
        ("mail", "list", "--json"),
        ("settings",),
        ("keys", "list"),
    ):
        written += either.run(*words).encode()
    assert len(secrets) > 20
    assert [secret for secret in secrets if any(form in written for form in spellings(secret))] == []


def test_every_file_is_for_its_owner_alone(serve: Serve, tmp_path: Path) -> None:
    """Whatever the mask of the process that made it."""
    server = serve(SECRET_KEY="", MAIL_URL="file:///" + str(tmp_path / "mails").lstrip("/"))
    ann = newcomer()
    registered(server, ann)
    let_mail_come(server)
    server.run("database", "backup", str(tmp_path / "copy.db"))
    files = [file for file in (*server.folder.iterdir(), *tmp_path.rglob("*")) if not file.name.endswith(".log")]
    names = {file.name for file in files}
    assert {"auth.db", "auth.db.secret", "copy.db", "mails"} <= names
    assert any(name.endswith(".eml") for name in names)
    assert [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077] == []


def test_with_the_database_alone_nobody_signs_in(either: Server) -> None:
    """Hashes of tokens, and of passwords, are no tokens and no passwords."""
    ann = confirmed(either)
    tokens_of(either, ann)
    if either.database_url.startswith("postgresql"):
        text = asyncio.run(_rows(either.database_url)).decode()
    else:
        text = (either.folder / "auth.db").read_bytes().decode("latin-1")
        text += (either.folder / "auth.db-wal").read_bytes().decode("latin-1")
    held = set(re.findall(r"[0-9a-f]{32,64}", text))
    assert len(held) > 3
    for word in sorted(held)[:300]:
        for scheme in ("Token", "Bearer"):
            answer = either.client.get("/auth/users/me/", headers={"Authorization": f"{scheme} {word[:40]}"})
            assert answer.status_code == 401
    assert either.client.post("/api/login", json={"identifier": ann.email, "password": "$argon2id$"}).status_code == 401


def test_what_was_refused_is_in_the_journal_with_its_reason_and_verifies(either: Server) -> None:
    ann = confirmed(either)
    either.client.post("/api/login", json={"identifier": ann.email, "password": "wrong-vK8-guess"})
    access = as_bearer(either.client.post("/api/login", json=ann.sign_in).json()["access"])
    change = {"current_password": "wrong-vK8-guess", "new_password": NEW_PASSWORD}
    either.client.post("/api/password", json=change, headers=access)
    wanted = {("sign_in_refused", "wrong password"), ("signed_in", ""), ("current_password_refused", "wrong password")}
    deadline = time.monotonic() + 5
    noted: set[tuple[str, str]] = set()
    while not wanted <= noted and time.monotonic() < deadline:
        time.sleep(0.1)
        told = map(json.loads, either.run("journal", "--user", ann.email, "--json").splitlines())
        noted = {(each["what"], each["why"]) for each in told}
    assert wanted <= noted
    either.run("journal", "verify")
