"""
What is told to tracing and monitoring: records, outcomes and reviews → spans, metrics and figures, off the way of a request.

Noting a call puts it into a bounded queue. One thread counts, another sends; when either is behind, what it cannot take is left out and counted.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.core.clock import Clock
from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.errors import PointsmanError
from pointsman.core.target import Target
from pointsman.governance.said import told as tree_of
from pointsman.settings.load import Settings
from pointsman.settings.secret_value import Secret
from pointsman.settings.telemetry_shape import Telemetry as Told
from pointsman.settings.workflows import Workflow
from pointsman.telemetry.courier import Courier
from pointsman.telemetry.events import Evaluation, of_content, of_evaluation, of_outcome
from pointsman.telemetry.measures import Counted, Gauge, count_call, count_promise
from pointsman.telemetry.otlp import Collector, Otlp
from pointsman.telemetry.said import Said, messages
from pointsman.telemetry.scrape import SharedSheets, Sheet, merged, rendered, sheet_of
from pointsman.telemetry.spans import is_chosen, is_sampled, spans_of
from pointsman.transport.endpoint import origin_of

_LOG: Final = logging.getLogger("pointsman")
_EVERY_S: Final = 1.0
_MOST_WAITING: Final = 50_000
_VERDICTS: Final = frozenset({"approved", "edited", "rejected", "escalated"})

Source = Callable[[], Iterable[Gauge]]


class _Current(Struct, frozen=True, kw_only=True):
    """What the settings in force say."""

    told: Told
    workflows: Mapping[str, Workflow]
    targets: Mapping[str, Target]


class Telemetry:
    """
    Tells. `shared` is the folder in which several workers count; `secret` reads a reference; `common` are sources as of `watch`. `note` and its like may be
    called from any thread.

    Raises `ExtraMissing` where a collector is named and the kit for it is not installed, and what `secret` raises.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock, secret: Callable[[str], Secret], shared: Path | None = None, common: tuple[Source, ...] = ()
    ) -> None:
        self._clock = clock
        self._secret = secret
        self._shared = None if shared is None else SharedSheets(shared, str(os.getpid()))
        self._own: tuple[Source, ...] = ()
        self._common = common
        self._records: deque[CallRecord] = deque()
        self._lost = 0
        self._counted = Counted()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._otlp: Otlp | None = None
        self._courier: Courier | None = None
        self._collector: Collector | None = None
        self._dropped_before = 0
        self._current = _current(settings, {})
        self._follow(settings)
        self._thread = threading.Thread(target=self._run, name="pointsman-telemetry", daemon=True)
        self._thread.start()

    def note(self, record: CallRecord) -> None:
        """Note a call that ended; never waits."""
        if len(self._records) < _MOST_WAITING:
            self._records.append(record)
        else:
            self._lost += 1

    def outcome(self, outcome: Outcome, *, workflow: str) -> None:
        """Note an outcome of a unit of this workflow."""
        state = "reversed" if outcome.reversed else "useful" if outcome.success else "failed"
        with self._lock:
            if workflow in self._current.workflows:
                self._counted.add("pointsman_units_total", (workflow, state))
        if self._courier is not None:
            self._courier.take_event(of_outcome(outcome))

    def evaluation(self, told: Evaluation) -> None:
        """Note a judge's score or a person's review of a call. One with a value counts for the objectives of quality of its workflow."""
        workflow = self._current.workflows.get(told.workflow)
        with self._lock:
            for objective in () if workflow is None or told.value is None else workflow.objectives:
                if objective.kind == "quality" and objective.threshold is not None:
                    count_promise(self._counted, objective, is_kept=told.value is not None and told.value >= objective.threshold)
        if self._courier is not None:
            self._courier.take_event(of_evaluation(told))

    def review(self, told: Evaluation) -> None:
        """Note a person's review; its `label` is the verdict."""
        with self._lock:
            self._counted.add("pointsman_reviews_total", (told.label if told.label in _VERDICTS else "other",))
        self.evaluation(told)

    def content(self, said: Said) -> None:
        """
        Note what was said. Only for calls whose content may be kept in full.

        Nothing is sent unless `telemetry.content` is on, and nothing of a call whose spans are not sent.
        """
        current, courier = self._current.told, self._courier
        if courier is not None and current.content and is_chosen(said.call_id, said.traceparent, share=current.sample):
            parts = messages(msgspec.json.decode(said.request), tree_of(said.answer))
            courier.take_event(of_content(said.call_id, said.traceparent, at_ms=self._clock.wall_ms(), said=parts))

    @property
    def tells_metrics(self) -> bool:
        """Tell whether `/metrics` answers."""
        return self._current.told.metrics

    def watch(self, source: Source, *, is_common: bool) -> None:
        """
        Ask this for values of gauges from now on, in a thread. Figures and their labels: `telemetry.measures.FIGURES`.

        What `is_common` says the same in every worker and is asked only where somebody scrapes; anything else is this worker's.
        """
        if is_common:
            self._common = (*self._common, source)
        else:
            self._own = (*self._own, source)

    def reload(self, settings: Settings) -> None:
        """Follow other settings. Where their collector cannot be used, what is in force stays, and the log says why."""
        with self._lock:
            self._drain()
            self._current = _current(settings, self._current.targets)
        try:
            self._follow(settings)
        except PointsmanError as error:
            _LOG.warning("telemetry goes on as before: %s", error)

    def render_metrics(self) -> bytes:
        """Return the figures of all workers, as Prometheus reads them."""
        now_ms = self._clock.wall_ms()
        others: Sequence[Sheet] = () if self._shared is None else tuple(self._shared.others())
        counted, gauges = merged([self._sheet(now_ms), *others], at_ms=now_ms)
        return rendered(counted, [*gauges, *_asked(self._common)])

    def close(self) -> None:
        """Count and send what is left, for a bounded time."""
        self._stop.set()
        self._thread.join()
        self._tick()
        if self._courier is not None:
            self._courier.close()

    # ── the counting thread ─────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self._tick()
            except Exception as error:  # noqa: BLE001 - whatever it is, calls are answered and counting goes on
                _LOG.error("a part of telemetry was left out", exc_info=error)

    def _tick(self) -> None:
        if self._shared is None:
            with self._lock:
                self._drain()
        else:
            self._shared.write(self._sheet(self._clock.wall_ms()))

    def _drain(self) -> None:
        current, otlp, courier = self._current, self._otlp, self._courier
        while self._records:
            record = self._records.popleft()
            count_call(self._counted, record, workflows=current.workflows)
            if otlp is not None and courier is not None:
                otlp.measure(record, current.targets)
                if is_sampled(record, current.told.sample):
                    courier.take_spans(spans_of(record, current.targets, semconv=current.told.semconv))

    def _sheet(self, now_ms: int) -> Sheet:
        gauges = [*self._own_gauges(), *_asked(self._own)]
        with self._lock:
            self._drain()
            dropped = self._dropped_before + (0 if self._courier is None else self._courier.dropped)
            self._counted.numbers["pointsman_telemetry_dropped_total"] = {("calls",): self._lost, ("spans",): dropped}
            return sheet_of(self._counted, gauges, at_ms=now_ms)

    def _own_gauges(self) -> Iterable[Gauge]:
        yield Gauge("pointsman_queue_depth", ("telemetry",), len(self._records))
        if self._courier is not None:
            yield Gauge("pointsman_queue_depth", ("collector",), self._courier.waiting)
        for workflow in self._current.workflows.values():
            for objective in workflow.objectives:
                yield Gauge("pointsman_objective_target", (workflow.name, objective.name), objective.share)

    def _follow(self, settings: Settings) -> None:
        """Send where these settings say. Raises `PointsmanError` and changes nothing then."""
        wanted = collector_of(settings.file.telemetry, self._secret)
        if wanted == self._collector:
            return
        otlp = None if wanted is None else Otlp(wanted)
        before = self._courier
        with self._lock:
            self._otlp, self._courier, self._collector = otlp, None if otlp is None else Courier(otlp), wanted
            self._dropped_before += 0 if before is None else before.dropped
        if before is not None:  # it may take seconds to give up, and this is the event loop
            threading.Thread(target=before.close, name="pointsman-otlp-end", daemon=True).start()


def collector_of(told: Told, secret: Callable[[str], Secret]) -> Collector | None:
    """Return where these settings send, or None. Raises `Unusable` for an address that is none, and what `secret` raises."""
    if told.otlp is None:
        return None
    origin = origin_of(told.otlp)
    headers = {name: secret(reference).bound_to(origin).reveal_to(origin) for name, reference in told.otlp_headers.items()}
    instance = f"{os.uname().nodename}-{os.getpid()}"
    return Collector(url=told.otlp, service=told.service, version=version("pointsman"), instance=instance, semconv=told.semconv, headers=headers)


def _current(settings: Settings, before: Mapping[str, Target]) -> _Current:
    """Return what holds now. Calls under way may still run at the targets of the snapshot before."""
    now = settings.snapshot.targets
    return _Current(told=settings.file.telemetry, workflows=settings.workflows, targets={**before, **now} if len(before) < 2 * len(now) else now)


def _asked(sources: Iterable[Source]) -> list[Gauge]:
    """Return what the sources say; one that cannot say anything now is left out."""
    found: list[Gauge] = []
    for source in sources:
        try:
            found.extend(source())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other figures are told
            _LOG.warning("some figures cannot be told now: %s", type(error).__name__)
    return found
