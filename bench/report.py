"""What a run found, and how a person reads it."""

import statistics
from collections.abc import Sequence

from msgspec import Struct

LOAD_MEMORY_LIMIT = 10.0
"""MiB that load may add to the idle service."""
BUSY_LOAD = 0.9
"""From this share of its core on the load, not the server, sets the rate."""
OWN_CORE = 0.85
"""Below this share of its core the bare app, which waits for nothing, was kept from work by others."""


class Stretch(Struct, frozen=True, kw_only=True):
    """One side of one round: answers a second, CPU microseconds an answer, and the share each had of its core."""

    rate: float
    cpu: float
    p99_ms: float
    load_share: float
    server_share: float


class Measured(Struct, frozen=True, kw_only=True):
    """One operation on both sides, a stretch each in every round."""

    operation: str
    target: str
    limit: float
    bare: list[Stretch]
    service: list[Stretch]

    @property
    def ratio(self) -> float:
        """CPU of the service over that of bare, medians of all rounds."""
        return cpu(self.service) / cpu(self.bare)

    @property
    def spread(self) -> tuple[float, float]:
        """The ratio's least and most in one round: how far to trust its digits."""
        ratios = [service.cpu / bare.cpu for service, bare in zip(self.service, self.bare, strict=True)]
        return min(ratios), max(ratios)

    @property
    def met(self) -> bool:
        """Is the service within its limit?"""
        return cpu(self.service) <= self.limit


class Against(Struct, frozen=True, kw_only=True):
    """One figure of the service beside the one it is held against, round by round, and the limit of their ratio."""

    what: str
    unit: str
    reference: str
    held_against: list[float]
    service: list[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        """The service's median over the other."""
        return statistics.median(self.service) / statistics.median(self.held_against)

    @property
    def target(self) -> str:
        """Say the limit in words."""
        if self.at_most is not None:
            return f"≤ {self.at_most:.2f} x"
        return "" if self.at_least is None else f"≥ {self.at_least:.2f} x"

    @property
    def met(self) -> bool:
        """Is the ratio within its limit?"""
        return (self.at_most is None or self.ratio <= self.at_most) and (
            self.at_least is None or self.ratio >= self.at_least
        )


class Report(Struct, frozen=True, kw_only=True):
    """All that one run found, with what it ran on."""

    surroundings: str
    versions: dict[str, str]
    operations: list[Measured]
    others: list[Against]
    first_start: float | None
    memory_after_load: tuple[float, float] | None
    pyjwt_es256: float
    cheap_hash: float

    @property
    def warnings(self) -> list[str]:
        """Tell what spoils the figures."""
        told = [
            f"{one.operation}: the load used {busiest:.0%} of its core; the rate is its own limit, not the server's."
            for one in self.operations
            if (busiest := max(stretch.load_share for stretch in one.bare + one.service)) > BUSY_LOAD
        ]
        shares = [stretch.server_share for one in self.operations for stretch in one.bare]
        if shares and (share := statistics.median(shares)) < OWN_CORE:
            told.append(
                f"rates and waits: others ran on the server's core, bare had {share:.0%} of it; CPU suffers less."
            )
        return told


def cpu(stretches: Sequence[Stretch]) -> float:
    """CPU microseconds a request, median."""
    return statistics.median(stretch.cpu for stretch in stretches)


def rate(stretches: Sequence[Stretch]) -> float:
    """Answers a second, median."""
    return statistics.median(stretch.rate for stretch in stretches)


def as_text(report: Report) -> str:
    """Lay a run out in tables."""
    lines = [
        report.surroundings,
        " · ".join(f"{name} {number}" for name, number in report.versions.items()),
    ]
    if report.operations:
        lines += ["", _row("", "bare", "", "service", "", "CPU", "by", "", "")]
        lines += [_row("operation", "req/s", "µs", "req/s", "µs", "ratio", "round", "target", "")]
    for one in report.operations:
        least, most = one.spread
        lines.append(
            _row(
                one.operation,
                f"{rate(one.bare):,.0f}",
                f"{cpu(one.bare):.0f}",
                f"{rate(one.service):,.0f}",
                f"{cpu(one.service):.0f}",
                f"{one.ratio:.2f}",
                f"{least:.2f}-{most:.2f}",
                f"{one.target} = {one.limit:.0f} µs",
                _verdict(met=one.met),
            )
        )
    if report.operations:
        lines += [
            "",
            "µs: CPU of the server's processes, user and system, over requests answered.",
            f"PyJWT's ES256 verification alone: {report.pyjwt_es256:.0f} µs.",
            f"The cheap hash that sign-in and registration still hold: {report.cheap_hash:.0f} µs.",
        ]
    if report.others:
        lines.append("")
    lines += [_against(one) for one in report.others]
    if report.first_start is not None:
        lines.append(f"{'first start, tables made':<34}{report.first_start:>9.2f} s    until the first answer")
    if report.memory_after_load is not None:
        idle, after = report.memory_after_load
        lines.append(
            f"{'memory after load':<34}{after:>9.2f} MiB  {after - idle:+.1f} MiB since idle "
            f"(≤ {LOAD_MEMORY_LIMIT:+.0f}) {_verdict(met=after - idle <= LOAD_MEMORY_LIMIT)}"
        )
    lines += [f"Not to be trusted: {warning}" for warning in report.warnings]
    return "\n".join(lines)


def _against(one: Against) -> str:
    figure = f"{one.what:<34}{statistics.median(one.service):>9.2f} {one.unit:<4}"
    beside = f"{one.reference} {statistics.median(one.held_against):.2f} {one.unit}"
    limit = f" ({one.target}) {_verdict(met=one.met)}" if one.target else ""
    return f"{figure} {beside}: {one.ratio:.2f} x{limit}"


def _verdict(*, met: bool) -> str:
    return "met" if met else "MISSED"


def _row(*cells: str) -> str:
    widths = (-14, 9, 6, 9, 6, 7, 12, -40, -6)
    return " ".join(
        f"{cell:<{-width}}" if width < 0 else f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    ).rstrip()
