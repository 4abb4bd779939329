"""House rules that no linter knows, where a framework or a process is needed to see whether they are kept."""

import ast
import inspect
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from litestar import Litestar, Request, get
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler

import auth_service
from auth_service.adapters.memory.core import memory_core
from auth_service.api.app import create_app
from auth_service.api.caller import CredentialsRejected, HeaderFault, HeaderRejected
from auth_service.api.djoser import errors as djoser
from auth_service.api.fields import read_fields
from auth_service.api.native import errors as native
from auth_service.api.native.wire import Registration
from auth_service.api.options import Options
from auth_service.api.pages.look import Look
from auth_service.api.pages.routes import Pages
from auth_service.appearance import Appearance
from auth_service.domain import errors
from auth_service.domain.errors import InvalidInput, LinkPart, Problem, Refusal, TokenFault
from auth_service.domain.policy import Policy

PACKAGE = Path(auth_service.__file__).parent
LOOK = Look(Appearance(site_name="Larkspur"))
PAGES = Pages(memory_core(), LOOK, insecure_cookies=False)
DIALECTS = [djoser.answer_to, native.answer_to]
SPOKEN = [*DIALECTS, PAGES.answer_to]

# --- every refusal has its answer ------------------------------------------------------------------------------------

REFUSALS: list[Refusal] = [
    errors.InvalidInput([Problem("email", "email_form")]),
    errors.AlreadyTaken([Problem("email", "taken")]),
    errors.BadCredentials(),
    *(errors.LinkRejected(part) for part in get_args(LinkPart)),
    *(errors.LinkRejected("token", why) for why in get_args(errors.LinkFault)),
    errors.LinkSpent(),
    *(errors.TokenRejected(reason) for reason in get_args(TokenFault)),
    errors.NotSignedIn(),
    *(errors.NotAllowed(reason) for reason in get_args(errors.Objection)),
    errors.NotFound(),
    errors.NotFound(certain=True),
    errors.UnknownAddress(),
    errors.ActivationOff(),
    errors.TooManyAttempts(1.0),
    errors.Busy(1.0),
]
AT_THE_DOOR = [
    *(CredentialsRejected(reason) for reason in get_args(TokenFault)),
    *(HeaderRejected(fault) for fault in get_args(HeaderFault)),
]


def _request() -> Request[Any, Any, Any]:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": []})  # type: ignore[arg-type]


def _below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def test_every_refusal_of_the_domain_is_tried_below() -> None:
    of_the_domain = {kind for kind in _below(Refusal) if kind.__module__.startswith("auth_service.domain")}
    assert {type(refusal) for refusal in REFUSALS} == of_the_domain


@pytest.mark.parametrize("answer_to", DIALECTS)
@pytest.mark.parametrize("refused", AT_THE_DOOR, ids=repr)
def test_every_odd_header_has_an_answer_in_every_dialect(refused: Exception, answer_to: Any) -> None:  # noqa: ANN401 - one of two
    assert answer_to(_request(), refused).status < 500


@pytest.mark.parametrize("answer_to", SPOKEN)
@pytest.mark.parametrize("refused", REFUSALS, ids=repr)
def test_every_refusal_has_an_answer_in_every_dialect(refused: Exception, answer_to: Any) -> None:  # noqa: ANN401 - one of two
    assert answer_to(_request(), refused).status < 500 or isinstance(refused, errors.Busy)


@pytest.mark.parametrize("answer_to", SPOKEN)
def test_what_is_no_refusal_is_a_fault_of_ours(answer_to: Any) -> None:  # noqa: ANN401 - one of two
    assert answer_to(_request(), RuntimeError("the roof is on fire")).status == 500


# --- every fault of a field has its words ----------------------------------------------------------------------------


def _codes_in_the_domain() -> Iterator[str]:
    """Give the second argument of every `Problem(…)`; it has to stand there in full, to be found."""
    for file in (PACKAGE / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                code = node.args[1]
                assert isinstance(code, ast.Constant), f"{file.name}, line {node.lineno}"
                yield str(code.value)


def _codes_in_reading() -> Iterator[str]:
    """Give what is said of every kind of odd body."""
    odd: list[object] = [None, "", " ", [], {}, True, "\0", "ann", "ann@example.org\0"]
    bodies: list[object] = [None, [], {}, *({"email": value, "password": value} for value in odd)]
    for body in bodies:
        yield from (problem.code for problem in read_fields(Registration, body).problems)


CODES = sorted({*_codes_in_the_domain(), *_codes_in_reading()})


def test_faults_are_found_in_the_domain_and_in_reading() -> None:
    assert {"taken", "password_common", "mismatch", "wrong_password"} <= set(_codes_in_the_domain())
    assert {"required", "null", "blank", "not_a_string", "null_character", "no_data", "not_an_object"} <= set(
        _codes_in_reading()
    )


@pytest.mark.parametrize("answer_to", SPOKEN)
@pytest.mark.parametrize("code", CODES)
def test_every_fault_of_a_field_has_words_in_every_dialect(code: str, answer_to: Any) -> None:  # noqa: ANN401 - one of two
    answer = answer_to(_request(), InvalidInput([Problem("email", code, "username")]))
    assert 400 <= answer.status < 500
    assert b"{about}" not in answer.body
    assert b"%(" not in answer.body
    assert b"{name}" not in answer.body


# --- no handler fans out ---------------------------------------------------------------------------------------------


def _faults(app: Litestar) -> Iterator[str]:
    """Give what costs a task group or a thread: a second dependency, or a function that is not async."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            # Litestar answers OPTIONS by itself, where nobody else does.
            if isinstance(handler, HTTPRouteHandler) and handler.fn.__module__ != "litestar.routes.http":
                name = f"{sorted(handler.http_methods)} {route.path}"
                if not inspect.iscoroutinefunction(handler.fn):
                    yield f"{name} runs in a thread"
                    continue
                given = {"self", "request", *route.path_parameters}
                wanted = set(inspect.signature(handler.fn).parameters) - given
                if len(wanted) > 1 or not wanted <= handler.resolve_dependencies().keys():
                    yield f"{name} wants {sorted(wanted)}"
                if handler.resolve_guards():
                    yield f"{name} is guarded"
                yield from (
                    f"{name} has its {key} made anew, or by way of others"
                    for key, made in handler.resolve_dependencies().items()
                    if not made.use_cache or inspect.signature(made.dependency).parameters
                )


async def _ping() -> None:
    """Answer."""


@pytest.mark.parametrize("login_field", ["username", "email"])
def test_no_handler_has_a_second_dependency_or_runs_in_a_thread(login_field: Any) -> None:  # noqa: ANN401 - one of two
    app = create_app(memory_core(Policy(login_field=login_field)), Options(pages=LOOK), ping=_ping)
    assert list(_faults(app)) == []


def test_a_handler_that_fans_out_is_seen() -> None:
    def bread() -> str:
        return "bread"

    async def butter(bread: NamedDependency[str]) -> str:
        return f"{bread} and butter"

    @get("/", dependencies={"bread": Provide(bread, sync_to_thread=False), "butter": butter})
    async def fans_out(bread: NamedDependency[str], butter: NamedDependency[str]) -> str:
        return bread + butter

    @get("/thread", sync_to_thread=True)
    def in_a_thread() -> None:
        """Do nothing."""

    @get("/guarded", guards=[lambda *_: None])
    async def guarded() -> None:
        """Do nothing."""

    found = list(_faults(Litestar([fans_out, in_a_thread, guarded], openapi_config=None)))
    assert sorted(fault.partition(" /")[2] for fault in found) == [
        " has its bread made anew, or by way of others",
        " has its butter made anew, or by way of others",
        " wants ['bread', 'butter']",
        "guarded is guarded",
        "thread runs in a thread",
    ]


# --- the contracts of import-linter bite -----------------------------------------------------------------------------

OFFENCES = [
    ("Imports run one way", "domain/names.py", "from auth_service.adapters import log"),
    ("Imports run one way", "adapters/memory/state.py", "from auth_service import settings"),
    ("Imports run one way", "api/health.py", "from auth_service.adapters.crypto import system"),
    ("Imports run one way", "attic.py", "import json"),
    ("The domain knows no framework", "domain/tokens.py", "import jwt"),
    ("Adapters do not know each other", "adapters/sql/users.py", "from auth_service.adapters.crypto import system"),
    ("Dialects and pages do not know each other", "api/native/desk.py", "from auth_service.api.djoser import wire"),
    ("Dialects and pages do not know each other", "api/pages/desk.py", "from auth_service.api.native import cookies"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package with its contracts, to be spoilt."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PACKAGE, folder / "auth_service", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE.parents[1] / "pyproject.toml", folder)
    return folder


def _lint(project: Path) -> str:
    linter = Path(sys.executable).with_name("lint-imports")
    # The folder is looked at before what is installed.
    done = subprocess.run(  # noqa: S603 - our own tool
        [linter, "--no-cache"], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout


def test_every_contract_is_broken_below() -> None:
    config = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text("utf-8"))
    contracts = {contract["name"] for contract in config["tool"]["importlinter"]["contracts"]}
    assert {contract for contract, _, _ in OFFENCES} == contracts


@pytest.mark.parametrize(
    ("contract", "file", "offence"), OFFENCES, ids=[f"{file}: {line}" for _, file, line in OFFENCES]
)
def test_an_import_against_a_contract_breaks_it(project: Path, contract: str, file: str, offence: str) -> None:
    spoilt = project / "auth_service" / file
    before = spoilt.read_text("utf-8") if spoilt.exists() else None
    spoilt.write_text(f"{before or ''}\n{offence}\n", "utf-8")
    try:
        assert f"{contract} BROKEN" in _lint(project)
    finally:
        if before is None:
            spoilt.unlink()
        else:
            spoilt.write_text(before, "utf-8")


def test_as_it_is_the_package_keeps_every_contract(project: Path) -> None:
    printed = _lint(project)
    assert " BROKEN" not in printed
    assert "0 broken" in printed
