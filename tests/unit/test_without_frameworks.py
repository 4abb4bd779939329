"""The domain runs where there is no framework: its tests pass in an interpreter that cannot import one."""

import subprocess

from .bare import end, run


def test_no_framework_can_be_imported_there() -> None:
    code, _, err = run(
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
    assert code == 0, err


def test_the_whole_domain_runs_from_three_lines() -> None:
    _, out, err = run(
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
    assert (out, err) == ("ann\n", "")


def test_the_tests_of_every_area_pass_without_any_framework(areas: "subprocess.Popen[str]") -> None:
    code, out, err = end(areas)
    assert code == 0, out + err
    assert " passed" in out
