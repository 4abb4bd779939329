"""The domain runs where there is no framework: its tests pass in an interpreter that cannot import one."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FRAMEWORKS = [
    "advanced_alchemy",
    "aiosmtplib",
    "aiosqlite",
    "alembic",
    "argon2",
    "click",
    "cryptography",
    "jinja2",
    "jwt",
    "litestar",
    "sqlalchemy",
    "structlog",
    "uvicorn",
    "uvloop",
]
# The tests of every area; the pure rules are under them.
AREAS = ["registration", "activation", "addresses", "credentials", "tokens", "profiles", "devices", "people", "post"]

BARE_INTERPRETER = f"""
import sys

FRAMEWORKS = {FRAMEWORKS!r}

class NoFrameworks:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FRAMEWORKS:
            raise ModuleNotFoundError(f"{{name}} is not to be had here", name=name)

sys.meta_path.insert(0, NoFrameworks())
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter without frameworks, from the root of the project."""
    # Plugins of pytest that happen to be installed bring frameworks of their own.
    surroundings = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", BARE_INTERPRETER + script, *arguments],
        cwd=HERE.parent.parent,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_tests_of_every_area_pass_without_any_framework() -> None:
    finished = run(
        "import pytest; sys.exit(pytest.main(sys.argv[1:]))",
        *("-o", "addopts=", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "--assert=plain", "-x"),
        *(str(HERE / f"test_{area}.py") for area in AREAS),
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert " passed" in finished.stdout


def test_no_framework_can_be_imported_there() -> None:
    finished = run(
        """
from importlib import import_module

for name in FRAMEWORKS:
    try:
        import_module(name)
    except ModuleNotFoundError as missing:
        assert "not to be had" in str(missing)
        continue
    sys.exit(f"{name} could be imported")
"""
    )
    assert finished.returncode == 0, finished.stderr


def test_the_whole_domain_runs_from_three_lines() -> None:
    finished = run(
        """
import asyncio
from auth_service.adapters.memory.core import memory_core
from auth_service.domain.model import Client
from auth_service.domain.policy import Policy
from auth_service.domain.registration import SignUp

async def main():
    core = memory_core(Policy(activation="off"))
    new = SignUp(username="ann", email="ann@example.org", password="correct horse")
    await core.registration.register(new, Client())
    pair = await core.tokens.issue("ann", "correct horse", Client())
    print((await core.tokens.identify(pair.access)).user.username)

asyncio.run(main())
"""
    )
    assert (finished.stdout, finished.stderr) == ("ann\n", "")
