"""
What the sections `workflows` and `costs` must make sense of: names that lead somewhere, and promises that can be counted.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pointsman.settings.mistakes import Mistake
from pointsman.settings.secrets import FORMS, is_reference
from pointsman.settings.shape import File
from pointsman.settings.yaml_text import Path, Text, dotted

_NEEDS: Final[Mapping[str, str]] = {"latency": "threshold_ms", "quality": "threshold", "cost_per_outcome": "threshold_usd"}


class BusinessMeaning:
    """Finds what is wrong in the sections that speak of business."""

    def __init__(self, text: Text, file: File) -> None:
        self._text = text
        self._file = file

    def check(self) -> list[Mistake]:
        """Return the mistakes, in the order of the file."""
        return [*self._capabilities(), *self._objectives(), *self._costs(), *self._webhooks()]

    def _capabilities(self) -> Iterator[Mistake]:
        owner: dict[str, str] = {}
        for name, workflow in self._file.workflows.items():
            for index, capability in enumerate(workflow.capabilities):
                path = ("workflows", name, "capabilities", index)
                if capability not in self._file.capabilities:
                    yield self._mistake(path, f"there is no capability `{capability}`.", remedy="Name one from `capabilities`.")
                elif capability in owner:
                    yield self._mistake(path, f"`{capability}` belongs to `{owner[capability]}` already.", remedy="Leave it in one of them.")
                owner.setdefault(capability, name)
            if name in self._file.capabilities and name not in workflow.capabilities:
                told = f"a capability has the name `{name}` too, but is no part of it."
                yield self._mistake(("workflows", name), told, remedy="Add it, or choose another name.")

    def _objectives(self) -> Iterator[Mistake]:
        for name, workflow in self._file.workflows.items():
            for key, objective in workflow.objectives.items():
                needed = _NEEDS.get(objective.kind)
                if needed is not None and getattr(objective, needed) is None:
                    path = ("workflows", name, "objectives", key)
                    yield self._mistake(path, f"an objective of the kind `{objective.kind}` needs `{needed}`.", remedy=f"Add `{needed}`.")

    def _costs(self) -> Iterator[Mistake]:
        for name, licence in self._file.costs.licences.items():
            if licence.workflow is not None and licence.workflow not in {*self._file.workflows, *self._file.capabilities}:
                path = ("costs", "licences", name, "workflow")
                yield self._mistake(path, f"there is no workflow `{licence.workflow}`.", remedy="Name one from `workflows`, or a capability without one.")
        known = {*self._file.targets, *(target for one in self._file.capabilities.values() for target in one.ladder)}
        told: dict[Path, str | None] = {("costs", "baseline"): self._file.costs.baseline}
        told |= {("workflows", name, "baseline"): workflow.baseline for name, workflow in self._file.workflows.items()}
        for path, baseline in told.items():
            if baseline is not None and baseline not in known:
                yield self._mistake(path, f"there is no target `{baseline}`.", remedy="Name one from `targets` or from a ladder.")

    def _webhooks(self) -> Iterator[Mistake]:
        for name, sender in self._file.webhooks.items():
            if not is_reference(sender.secret):
                path = ("webhooks", name, "secret")
                yield self._mistake(path, "this is no reference to a key.", remedy=f"Keep the key elsewhere and write {FORMS}.")
            if sender.workflow is not None and sender.workflow not in {*self._file.workflows, *self._file.capabilities}:
                path = ("webhooks", name, "workflow")
                yield self._mistake(path, f"there is no workflow `{sender.workflow}`.", remedy="Name one from `workflows`, or a capability without one.")

    def _mistake(self, path: Path, says: str, *, remedy: str) -> Mistake:
        return Mistake(file=self._text.file, path=dotted(path), line=self._text.line(path), says=says, remedy=remedy)
