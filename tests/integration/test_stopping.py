"""Stopping while the database is away: it is no reason to end in failure."""

from pathlib import Path

import pytest

from auth_service.domain.errors import Busy
from auth_service.settings import read_settings
from auth_service.wiring.works import open_works


async def test_what_cannot_be_written_down_at_the_end_does_not_fail_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings({"DATABASE_URL": f"sqlite:///{tmp_path / 'auth.db'}", "ARGON2_MEMORY_KIB": "8"}, None)
    async with open_works(settings) as works:
        works.attendance.seen("somebody", 1.0)

        async def away(_writes: object) -> None:
            raise Busy(1.0)

        monkeypatch.setattr(works.database, "write", away)
