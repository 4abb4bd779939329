"""A service that moves: into another database and back, or into its backup. Whoever was signed in stays so."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import structlog
from click.testing import CliRunner

from auth_service.cli import main
from tests.integration.conformance.running import Mailbox

from .people import Person, newcomer
from .serving import Link, Server, as_bearer, link_to

NEW_PASSWORD = "vK8-after-the-move"


def command(*words: str, **environ: str) -> None:
    done = CliRunner().invoke(main, words, env=environ, catch_exceptions=False)
    structlog.reset_defaults()
    assert done.exit_code == 0, done.output


class Belongings:
    """What people hold of a service: tokens of each kind, and links that wait in their mail."""

    def __init__(self, server: Server) -> None:
        self.ann, self.ben, self.last = newcomer(), newcomer(), newcomer()
        self.activation = _registered(server, self.ben)
        self._activate(server.client, _registered(server, self.ann))
        self.pair = server.client.post("/auth/jwt/create/", json=self.ann.sign_in).raise_for_status().json()
        self.opaque = server.client.post("/auth/token/login/", json=self.ann.sign_in).raise_for_status().json()
        server.client.post("/auth/users/reset_password/", json={"email": self.ann.email}).raise_for_status()
        self.reset = link_to(server.mailbox, self.ann.email, 2)
        # Somebody who came last and is gone: their id must not be the next one's.
        made = server.client.post("/auth/users/", json=self.last.sign_up).raise_for_status().json()
        self.last_id = int(made["id"])
        server.run("users", "delete", str(self.last_id), "--yes")

    def are_still_good_at(self, server: Server) -> None:
        """Use each of them, the links at last."""
        client = server.client
        me = client.get("/auth/users/me/", headers=as_bearer(self.pair["access"])).raise_for_status().json()
        assert me["username"] == self.ann.username
        refreshed = client.post("/auth/jwt/refresh/", json={"refresh": self.pair["refresh"]}).raise_for_status().json()
        client.post("/auth/jwt/verify/", json={"token": refreshed["access"]}).raise_for_status()
        token = {"Authorization": f"Token {self.opaque['auth_token']}"}
        assert client.get("/auth/users/me/", headers=token).raise_for_status().json() == me
        client.post("/auth/jwt/create/", json=self.ann.sign_in).raise_for_status()
        self._activate(client, self.activation)
        client.post("/auth/jwt/create/", json=self.ben.sign_in).raise_for_status()
        body = {**self.reset.halves, "new_password": NEW_PASSWORD}
        client.post("/auth/users/reset_password_confirm/", json=body).raise_for_status()
        self.ann = self.ann.with_password(NEW_PASSWORD)
        client.post("/auth/jwt/create/", json=self.ann.sign_in).raise_for_status()
        next_one = client.post("/auth/users/", json=newcomer().sign_up).raise_for_status().json()
        assert next_one["id"] > self.last_id

    def _activate(self, client: httpx.Client, link: Link) -> None:
        client.post("/auth/users/activation/", json=link.halves).raise_for_status()


def _registered(server: Server, person: Person) -> Link:
    server.client.post("/auth/users/", json=person.sign_up).raise_for_status()
    return link_to(server.mailbox, person.email)


def test_whoever_was_signed_in_stays_so_in_the_next_database_and_back_home(
    mailbox: Mailbox, new_postgres: Callable[[], str], tmp_path: Path
) -> None:
    old, new, home = f"sqlite:///{tmp_path}/auth.db", new_postgres(), f"sqlite:///{tmp_path}/home.db"
    with Server({}, mailbox, tmp_path) as server:
        belongings = Belongings(server)
    command("database", "copy", old, new)
    with Server({"DATABASE_URL": new}, mailbox, tmp_path) as server:
        belongings.are_still_good_at(server)
        belongings = Belongings(server)
    command("database", "copy", new, home)
    with Server({"DATABASE_URL": home}, mailbox, tmp_path) as server:
        belongings.are_still_good_at(server)


def test_a_backup_taken_under_writes_can_be_served(mailbox: Mailbox, tmp_path: Path) -> None:
    stopping, acknowledged = threading.Event(), []
    backup = tmp_path / "backup" / "auth.db"
    backup.parent.mkdir()
    with Server({}, mailbox, tmp_path) as server:
        belongings = Belongings(server)

        def keep_registering() -> None:
            with httpx.Client(base_url=server.client.base_url, timeout=20) as client:
                while not stopping.is_set():
                    person = newcomer()
                    client.post("/auth/users/", json=person.sign_up).raise_for_status()
                    acknowledged.append(person)

        writers = [threading.Thread(target=keep_registering) for _ in range(4)]
        for writer in writers:
            writer.start()
        try:
            while len(acknowledged) < 50:
                stopping.wait(0.01)
            before = list(acknowledged)
            command("database", "backup", str(backup), DATABASE_URL=server.database_url)
            until = len(acknowledged)
            while len(acknowledged) < until + 20:
                stopping.wait(0.01)
        finally:
            stopping.set()
            for writer in writers:
                writer.join()
    with closing(sqlite3.connect(backup)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        there = {name for (name,) in database.execute("SELECT username FROM users")}
    assert {person.username for person in before} <= there
    assert len(there) < len(acknowledged) + 3, "the backup was not taken while others wrote"
    with Server({"DATABASE_URL": f"sqlite:///{backup}"}, mailbox, backup.parent) as restored:
        belongings.are_still_good_at(restored)


@pytest.fixture(scope="module", autouse=True)
def _servers_end_before_the_database(postgres_url: str) -> None:
    assert postgres_url
