"""The service behind PgBouncer in transaction mode: every command and both wires, on connections that are shared."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import structlog
from click.testing import CliRunner, Result

from auth_service.cli import main
from tests.integration.conformance.running import Mailbox

from .people import newcomer
from .pooler import PASSWORD, pgbouncer, pooled
from .raw import json_request
from .serving import Server, as_bearer
from .test_journeys import Djoser, Driver, Native
from .test_journeys import test_from_registration_to_deletion as walk_from_registration_to_deletion
from .test_races import all_at_once

if pgbouncer() is None:
    pytest.skip("pgbouncer is not installed: apt-get install pgbouncer", allow_module_level=True)


@pytest.fixture(scope="module")
def pool(new_postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a database behind a pooler, with tables made through it."""
    folder = tmp_path_factory.mktemp("pooler")
    # Whoever the pooler runs as has to get there.
    for above in (folder, *folder.parents[:2]):
        above.chmod(above.stat().st_mode | 0o011)
    with pooled(new_postgres(), folder / "pgbouncer") as url:
        upgraded = command("upgrade", url)
        assert upgraded.exit_code == 0, upgraded.output
        yield url


def command(verb: str, url: str) -> Result:
    environ = {"DATABASE_URL": url, "SECRET_KEY": "s" * 32}
    done = CliRunner().invoke(main, ["database", verb], env=environ, catch_exceptions=False)
    structlog.reset_defaults()
    return done


@pytest.fixture(scope="module")
def service(pool: str, mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give two processes with ten connections each to a pooler that has two."""
    folder = tmp_path_factory.mktemp("pooled")
    settings = {"DATABASE_URL": pool, "DATABASE_PREPARES": "0"}
    with Server(settings, mailbox, folder, "--workers", "2") as server:
        yield server
        assert [line for line in server.lines if line.get("level") in {"error", "critical"}] == []


@pytest.mark.parametrize("dialect", [Djoser, Native])
def test_a_journey_through_a_pooler(dialect: Callable[..., Driver], service: Server) -> None:
    walk_from_registration_to_deletion(dialect(service.client), service)


def test_many_at_once_through_two_connections(service: Server) -> None:
    people = [newcomer() for _ in range(20)]
    answers = all_at_once(service, [json_request("POST", "/auth/users/", person.sign_up) for person in people])
    assert Counter(answer.status for answer in answers) == {201: 20}
    for person in people:
        service.run("users", "activate", person.username)
    answers = all_at_once(service, [json_request("POST", "/auth/jwt/create/", person.sign_in) for person in people])
    assert Counter(answer.status for answer in answers) == {200: 20}
    for answer, person in zip(answers, people, strict=True):
        me = service.client.get("/auth/users/me/", headers=as_bearer(answer.json()["access"])).json()
        assert me["username"] == person.username


def test_the_commands_work_through_a_pooler(pool: str) -> None:
    for verb in ("status", "upgrade"):
        done = command(verb, pool)
        assert done.exit_code == 0, done.output


def test_a_wrong_password_is_told_without_being_shown(pool: str) -> None:
    done = command("status", pool.replace(PASSWORD, "n0t-this-one"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "cannot be reached: " in done.stderr
    assert "password" in done.stderr
    assert "n0t-this-one" not in done.stderr
