"""Calibration proposes hashes that are safe, and as dear as the operator allows."""

import pytest
from click.testing import CliRunner

from auth_service.adapters.crypto import calibration
from auth_service.adapters.crypto.calibration import Cost, measure, propose
from auth_service.cli import main
from auth_service.settings import read_settings

# A machine that takes a nanosecond for each KiB and pass: it takes as long each time.
SLOWNESS = 1e-6


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a machine in place that takes as long each time."""
    monkeypatch.setattr(calibration, "measure", lambda passes, kib: Cost(passes, kib, passes * kib * SLOWNESS))


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize(
    ("budget", "most_kib", "passes", "kib"),
    [
        (0.001, 65_536, 2, 19_456),
        (0.04, 65_536, 2, 19_456),
        (0.1, 65_536, 2, 49_152),
        (0.131_073, 65_536, 2, 65_536),
        (0.5, 65_536, 7, 65_536),
        (0.5, 19_456, 25, 19_456),
        (1.0, 4_194_304, 2, 499_712),
        (60.0, 19_456, 100, 19_456),
    ],
)
def test_memory_goes_first_and_then_passes_and_nothing_below_what_is_safe(
    budget: float, most_kib: int, passes: int, kib: int
) -> None:
    found = propose(budget, most_kib)
    assert (found.passes, found.kib) == (passes, kib)
    assert found.seconds <= budget or (passes, kib) == (2, 19_456)


def test_what_turns_out_too_dear_is_not_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Dearer by the square: from the first figure one expects too much.
    monkeypatch.setattr(
        calibration, "measure", lambda passes, kib: Cost(passes, kib, passes * (kib / 19_456) ** 2 * 0.01)
    )
    found = propose(0.1, 1_000_000)
    assert 0.07 < found.seconds <= 0.1


def test_a_hash_is_really_made() -> None:
    assert measure(1, 4 * 19_456).seconds > measure(1, 64).seconds > 0


@pytest.mark.parametrize("milliseconds", [1, 40])
def test_the_command_prints_settings_that_are_taken(milliseconds: int) -> None:
    done = CliRunner().invoke(main, ["hash", "calibrate", "--milliseconds", str(milliseconds), "--mebibytes", "32"])
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    settings = read_settings(dict(line.split("=") for line in lines), None)
    assert settings.argon2_time_cost >= 2
    assert 19_456 <= settings.argon2_memory_kib <= 32 * 1_024
    assert settings.argon2_parallelism == 1
    if milliseconds == 1:
        assert "the least that is" in done.stderr
