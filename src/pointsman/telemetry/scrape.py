"""
Figures → the text that Prometheus reads, from this worker and from all others that count in the same folder.

A worker counts its own calls, and writes what it counted beside those of the others once a second; the one with the admin listener adds them up. So one
address tells of all workers, nobody waits for a lock, and what a worker counted outlives it.
"""

import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from pointsman.telemetry.measures import BUCKETS_S, COUNTER, FIGURES, GAUGE, Counted, Gauge, Labels

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_STALE_MS: Final = 10_000  # a worker that wrote nothing for so long is gone: what it counted stays, what it measured does not
_SUMMED: Final = frozenset({"pointsman_queue_depth"})


class Sheet(Struct, kw_only=True):
    """What one worker tells the others."""

    at_ms: int
    numbers: list[tuple[str, Labels, float]]
    spread: list[tuple[str, Labels, list[float]]]
    gauges: list[Gauge]


class SharedSheets:
    """The sheets of all workers, in a folder; each writes its own, whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._own = folder / f"figures-{name}.json"

    def write(self, sheet: Sheet) -> None:
        """Write the own sheet; a disk that is full is no reason to stop."""
        with suppress(OSError):
            handle, path = tempfile.mkstemp(dir=self._folder, prefix=".figures-")
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(sheet))
            Path(path).replace(self._own)

    def others(self) -> Iterator[Sheet]:
        """Read the sheets of the other workers."""
        for path in sorted(self._folder.glob("figures-*.json")):
            if path != self._own:
                with suppress(OSError, msgspec.DecodeError):
                    yield msgspec.json.decode(path.read_bytes(), type=Sheet)


def sheet_of(counted: Counted, gauges: Iterable[Gauge], *, at_ms: int) -> Sheet:
    """Return what a worker tells the others at a time (Unix milliseconds)."""
    numbers = [(name, labels, value) for name, series in counted.numbers.items() for labels, value in series.items()]
    spread = [(name, labels, list(row)) for name, series in counted.spread.items() for labels, row in series.items()]
    return Sheet(at_ms=at_ms, numbers=numbers, spread=spread, gauges=list(gauges))


def merged(sheets: Iterable[Sheet], *, at_ms: int) -> tuple[Counted, list[Gauge]]:
    """Return what all workers counted together, and what those that live measure: depths are summed, of the rest the least counts."""
    whole, measured, alive = Counted(), dict[tuple[str, Labels], float](), 0
    for sheet in sheets:
        whole.join(_counted(sheet))
        if sheet.at_ms < at_ms - _STALE_MS:
            continue
        alive += 1
        for gauge in sheet.gauges:
            key = (gauge.name, gauge.labels)
            before = measured.get(key)
            measured[key] = gauge.value if before is None else before + gauge.value if gauge.name in _SUMMED else min(before, gauge.value)
    return whole, [Gauge("pointsman_workers", (), alive), *(Gauge(name, labels, value) for (name, labels), value in measured.items())]


def rendered(counted: Counted, gauges: Iterable[Gauge]) -> bytes:
    """Return the text, figures in the order of their table."""
    # Loaded by whoever is scraped: it takes a tenth of a second that nobody else should wait for.
    kit, core = import_module("prometheus_client"), import_module("prometheus_client.core")
    built = Gauge("pointsman_build_info", (version("pointsman"), platform.python_version()), 1)
    registry = kit.CollectorRegistry(auto_describe=False)
    registry.register(_Families(core, counted, gauges=[built, *gauges]))
    return kit.generate_latest(registry)


class _Families:
    def __init__(self, core: Any, counted: Counted, *, gauges: Iterable[Gauge]) -> None:
        self._core = core
        self._counted = counted
        self._measured: dict[str, list[Gauge]] = {}
        for gauge in gauges:
            self._measured.setdefault(gauge.name, []).append(gauge)

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        for name, figure in FIGURES.items():
            if figure.kind == COUNTER:
                family = self._core.CounterMetricFamily(name, figure.says, labels=figure.labels)
                _fill(family, self._counted.numbers.get(name, {}))
            elif figure.kind == GAUGE:
                family = self._core.GaugeMetricFamily(name, figure.says, labels=figure.labels)
                _fill(family, {gauge.labels: gauge.value for gauge in self._measured.get(name, ())})
            else:
                family = self._core.HistogramMetricFamily(name, figure.says, labels=figure.labels)
                for labels, row in self._counted.spread.get(name, {}).items():
                    buckets = [*((str(bound), row[index]) for index, bound in enumerate(BUCKETS_S)), ("+Inf", row[-2])]
                    family.add_metric(labels, buckets=buckets, sum_value=row[-1])
            yield family


def _fill(family: Any, series: Mapping[Labels, float]) -> None:
    for labels, value in series.items():
        family.add_metric(labels, value)


def _counted(sheet: Sheet) -> Counted:
    told = Counted()
    for name, labels, value in sheet.numbers:
        told.add(name, labels, amount=value)
    for name, labels, row in sheet.spread:
        told.spread.setdefault(name, {})[labels] = row
    return told
