"""Whatever fits the OpenAPI document, and whatever does not, is sent to the running service: no answer surprises."""

import secrets
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis import checks
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks as openapi_checks

from auth_service.api.openapi import describe_service
from auth_service.api.options import Options
from auth_service.domain.policy import Policy

from .conformance.running import Mailbox, Service

PASSWORD = "could-i-be-any-safer"
SETTINGS = {"ACTIVATION": "off", "THROTTLING": "0", "ARGON2_TIME_COST": "1", "ARGON2_MEMORY_KIB": "8"}
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.unsupported_method,
]
REGISTRATION = {"/auth/users/", "/api/register/", "/api/auth/register"}
ENDING = ("/logout", "/logout/", "/blacklist/", "/password", "/set_password/", "/deactivate")
FOR_STAFF = "/api/admin/"


def _config() -> SchemathesisConfig:
    config = SchemathesisConfig(seed=20_240)
    project = config.projects.default
    project.generation.update(max_examples=20, deterministic=True, no_shrink=True)
    return config


document = describe_service(Policy(activation="off"), Options(throttles=False))
schema = schemathesis.openapi.from_dict(document, config=_config())


def newcomer() -> dict[str, str]:
    """Return what somebody registers with whom nobody has heard of."""
    name = f"p{secrets.token_hex(6)}"
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


class Person:
    """Somebody with an account, signed in in every way there is; made anew once the account or a sign-in is over."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.turns = count()
        self.move_in()

    def move_in(self) -> None:
        """Become somebody new."""
        new = newcomer()
        made = self._ask("/auth/users/", new)
        pair = self._ask("/auth/jwt/create/", new)
        self.headers = {"Authorization": f"Bearer {pair['access']}"}
        sessions = self._client.get("/api/sessions", headers=self.headers).json()
        self.ids = {"/auth/users/{id}/": made["id"], "/api/sessions/{id}": sessions[0]["id"]}
        self.ids |= {path: made["id"] for path in schema.raw_schema["paths"] if path.startswith(FOR_STAFF)}
        self.session = sessions[0]["id"]
        self.facts = new | pair | {"identifier": new["username"], "current_password": PASSWORD, "token": pair["access"]}
        self.facts["confirm"] = new["email"]

    def _ask(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = self._client.post(path, json=body).raise_for_status().json()
        return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve with the settings that the document is about."""
    with Mailbox() as mailbox, Service(SETTINGS, mailbox.port, tmp_path_factory.mktemp("fuzz")) as service:
        yield service


@pytest.fixture(scope="module")
def people(service: Service) -> dict[str, Person]:
    """Keep one person for each operation: what one of them does to its account is no other's trouble."""
    assert service.client.get("/openapi.json").json() == document
    return {}


@pytest.fixture(scope="module")
def boss(service: Service) -> dict[str, str]:
    """Give the headers of a member of staff."""
    service.add_staff("boss", "boss@example.com", PASSWORD)
    tokens = service.client.post("/api/login", json={"identifier": "boss", "password": PASSWORD}).json()
    return {"Authorization": f"Bearer {tokens['access']}"}


@schema.parametrize()
def test_every_answer_is_described(
    case: schemathesis.Case[Any], service: Service, people: dict[str, Person], boss: dict[str, str]
) -> None:
    person = people.get(case.operation.label) or people.setdefault(case.operation.label, Person(service.client))
    # Half of all requests are about what there really is: garbage alone never gets past the first look.
    knowing = next(person.turns) % 2 == 0
    if knowing and isinstance(case.body, dict):
        facts = newcomer() if case.path in REGISTRATION else person.facts
        case.body = {name: facts.get(name, value) for name, value in case.body.items()}
    if knowing and case.path in person.ids:
        case.path_parameters["id"] = person.ids[case.path]
    if knowing and "session_id" in case.path_parameters:
        case.path_parameters["session_id"] = person.session
    who = boss if case.path.startswith(FOR_STAFF) else person.headers
    response = case.call(base_url=str(service.client.base_url), headers=who if knowing else None)
    # Staff are told of methods, and to anybody else nothing is there: `test_administration` looks at both.
    asked = [check for check in CHECKS if who is not boss or check is not openapi_checks.unsupported_method]
    case.validate_response(response, checks=asked)
    if response.status_code in {200, 204} and (case.method == "DELETE" or case.path.endswith(ENDING)):
        person.move_in()
