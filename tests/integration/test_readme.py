"""The documents tell the truth: what they print works, what they list is there, what they point at exists."""

import configparser
import io
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click import Command, Group
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from auth_service.adapters.memory.core import memory_core
from auth_service.api.app import create_app
from auth_service.api.contract import operation_of
from auth_service.api.options import Options
from auth_service.cli import main
from auth_service.settings import Settings, describe, read_settings

from .readme import BLOCKS, ROOT, Console, Shell, as_after_make_run, free_port, looks_like, readers_environment, table
from .settings_page import PAGE, settings_page

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("bench/*.md")]
NOT_RUN = [
    "git clone REPOSITORY auth-service\ncd auth-service\nmake run\n",
    "make test\n",
    ".venv/bin/python by_sendmail.py\n",
    ".venv/bin/auth-service keys rotate\n",
]
A_LINK = "read -r LINK\n"
_FILE = r"(?:[\w.-]+/)*[\w-]+\.(?:py|md|toml)"
_FOLDER = r"(?:api|adapters|domain|tests|docs|bench|src)/[\w/.-]*"
PRINTED_ADDRESS = "127.0.0.1:8000"


# --- the README as it is pasted --------------------------------------------------------------------------------------


def test_a_newcomer_who_pastes_block_after_block_sees_what_is_printed(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    port, environment, folder = free_port(), readers_environment(), as_after_make_run(tmp_path)
    links, printed = 0, ""
    with (
        Console([".venv/bin/auth-service", "serve", "--port", str(port)], folder, environment) as console,
        Shell(folder, environment) as shell,
    ):
        for block in filter(lambda block: block.is_run, BLOCKS):
            text = block.text.replace(PRINTED_ADDRESS, f"127.0.0.1:{port}")
            if block.kind == "console":
                console.wait_for(text)
            elif block.kind == "text":
                assert looks_like(block.text, printed.replace(f"127.0.0.1:{port}", PRINTED_ADDRESS)), printed
            elif block.kind == "python":
                (folder / str(block.file)).write_text(text, "utf-8")
            elif text == A_LINK:
                printed, ended = shell.paste(text, typed=console.next_link(links) + "\n")
                links += 1
                assert (printed, ended) == ("", 0)
            elif block.kind == "sh":
                printed, ended = shell.paste(text)
                assert ended == 0, printed
    assert links == 2


def test_every_block_is_run_shown_or_read_but_for_four() -> None:
    assert [block.text for block in BLOCKS if not block.is_run] == NOT_RUN
    assert {block.kind for block in BLOCKS} == {"sh", "text", "console", "python", "ini"}
    assert all(block.file for block in BLOCKS if block.kind == "python")


def test_what_a_call_prints_stands_below_it() -> None:
    calls = [after.kind for block, after in pairwise(BLOCKS) if "curl -sw" in block.text]
    assert calls
    assert set(calls) == {"text"}


# --- settings, commands, endpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [block.text for block in BLOCKS if block.kind == "ini" and block.text[0] != "["])
def test_settings_as_printed_are_taken(text: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(text, "utf-8")
    names = [line.partition("=")[0].lower() for line in text.splitlines()]
    taken = read_settings({}, tmp_path / ".env")
    assert [name for name in names if getattr(taken, name) == getattr(Settings(), name)] == []


def test_the_unit_for_systemd_starts_a_command_that_there_is() -> None:
    (text,) = [block.text for block in BLOCKS if block.kind == "ini" and block.text[0] == "["]
    unit = configparser.RawConfigParser()
    unit.read_file(io.StringIO(text))
    program, verb, *words = unit["Service"]["ExecStart"].split()
    assert Path(program).name == "auth-service"
    assert main.commands[verb].make_context(verb, words).params["host"] == "127.0.0.1"


def test_the_settings_in_the_readme_are_those_of_the_code() -> None:
    defaults = {f"`{told.name}`": told.default for told in describe(Settings())}
    shown = {name: default for name, default, _ in table("The ones you are most likely to set:")}
    assert shown == {name: defaults.get(name) for name in shown}


def test_the_page_of_all_settings_is_the_one_the_code_makes() -> None:
    assert PAGE.read_text("utf-8") == settings_page(), "run: python -m tests.integration.settings_page"


def test_the_tables_of_both_wires_name_every_endpoint_and_no_other() -> None:
    app = _app()
    for heading, below in (("## The wire of djoser", "/auth/"), ("## Our own wire", "/api/")):
        found = {endpoint for endpoint in _endpoints(app) if endpoint[1].startswith(below)}
        assert {endpoint for row in table(heading) for endpoint in _named(row[0])} == found


def test_the_paths_about_the_service_are_there() -> None:
    named = {endpoint for row in table("About the service itself:") for endpoint in _named(row[0])}
    assert named
    assert named <= set(_endpoints(_app()))


def _app() -> Litestar:
    async def ping() -> None:
        """Answer."""

    return create_app(memory_core(), Options(), ping=ping)


def _endpoints(app: Litestar) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            # There are handlers, too, for the methods that a path does not have.
            if isinstance(handler, HTTPRouteHandler) and operation_of(getattr(handler.fn, "__func__", handler.fn)):
                for method in set(handler.http_methods) - {"HEAD", "OPTIONS"}:
                    yield str(method), _bare(route.path)


def _named(cell: str) -> Iterator[tuple[str, str]]:
    """Give what a cell names: every method with every path."""
    for path in re.findall(r"/[\w/{}.-]*", cell):
        for method in set(re.findall(r"[A-Z]+", cell)):
            yield method, _bare(path)


def _bare(path: str) -> str:
    return re.sub(r"{.*?}", "{}", path).rstrip("/")


# --- what the documents point at -------------------------------------------------------------------------------------


def _is_there(path: str, beside: Path) -> bool:
    """Say whether a path exists: in the project or its package, beside the document, or, as a bare name, anywhere."""
    package = ROOT / "src" / "auth_service"
    return any((start / path).exists() for start in (ROOT, package, beside)) or (
        "/" not in path and any(package.rglob(path))
    )


def _place(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=_place)
def test_what_a_document_points_at_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []
    named = set(re.findall(rf"`({_FILE}|{_FOLDER})`", text))
    assert {path for path in named if not _is_there(path, document.parent)} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=_place)
def test_every_command_a_document_names_is_one(document: Path) -> None:
    for line in re.findall(r"`auth-service ([^`]+)`", document.read_text("utf-8")):
        command: Command = main
        for word in line.split():
            if isinstance(command, Group) and not word.startswith("-"):
                assert word in command.commands, line
                command = command.commands[word]
            elif word.startswith("-"):
                assert word in {"--help", *(known for option in command.params for known in option.opts)}, line
