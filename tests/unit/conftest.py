"""What the unit tests share."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from .bare import start_tests_of_areas


@pytest.fixture(scope="session", autouse=True)
def areas() -> Iterator["subprocess.Popen[str] | None"]:
    """Start the domain's tests in an interpreter without frameworks, to run beside all others."""
    if "PYTEST_DISABLE_PLUGIN_AUTOLOAD" in os.environ:
        yield None  # this is that interpreter
        return
    with start_tests_of_areas() as started:
        yield started
        started.kill()
