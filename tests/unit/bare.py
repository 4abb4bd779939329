"""An interpreter in which no framework can be imported."""

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
AREAS = [
    *("registration", "activation", "addresses", "credentials", "tokens", "profiles", "devices", "people", "post"),
    *("throttling", "limits", "keyring", "directory", "administration"),
]

BARE_INTERPRETER = f"""
import sys

FRAMEWORKS = {FRAMEWORKS!r}

class NoFrameworks:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FRAMEWORKS:
            raise ModuleNotFoundError(f"{{name}} is not to be had here", name=name)

sys.meta_path.insert(0, NoFrameworks())
"""


def start(script: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a script in an interpreter without frameworks, from the root of the project."""
    # Plugins of pytest that happen to be installed bring frameworks of their own.
    surroundings = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", BARE_INTERPRETER + script, *arguments],
        cwd=HERE.parent.parent,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(started: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Wait for it, and return its code and what it printed."""
    with started:
        out, err = started.communicate(timeout=60)
        return started.returncode, out, err


def run(script: str) -> tuple[int, str, str]:
    """Run a script without frameworks."""
    return end(start(script))


def start_tests_of_areas() -> "subprocess.Popen[str]":
    """Start the tests of every area there."""
    return start(
        "import pytest; sys.exit(pytest.main(sys.argv[1:]))",
        *("-o", "addopts=", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "--assert=plain", "-x"),
        *(str(HERE / f"test_{area}.py") for area in AREAS),
    )
