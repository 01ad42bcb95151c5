"""
The section `retention` → one frozen value that says for any label how much is kept and for how long; and what is wrong with the section.

A floor binds the record of a call and never its content: content is kept longer than its ceiling by a legal hold alone. A floor above a ceiling is
refused here, also where the floor is of one class and the ceiling of another, because one call may hold data of both.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Final

from msgspec import Struct

from pointsman.core.label import CLASSES, SECRET, Label, Level
from pointsman.core.verdict import Keeping, Verdict
from pointsman.settings.mistakes import Mistake
from pointsman.settings.retention_shape import Retention as Told
from pointsman.settings.retention_shape import RetentionClass
from pointsman.settings.secrets import FORMS, is_reference
from pointsman.settings.yaml_text import Text, dotted

_UNIT_S: Final[Mapping[str, int]] = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}

Path = tuple[str, ...]
Wrong = tuple[Path, str, str]  # path within the section, what is wrong, what to do


class Terms(Struct, frozen=True, kw_only=True):
    """What holds for one class, in seconds. `records_s` None is no bound of its own."""

    keeping: Keeping
    content_s: int
    records_s: int | None
    records_at_least_s: int


class Kept(Struct, frozen=True, kw_only=True):
    """How much of the content of one call is kept, and for how many seconds."""

    keeping: Keeping
    content_s: int


class Retention(Struct, frozen=True, kw_only=True):
    """
    The retention in force. `usual` holds for classes that are not named, `classes` for the others.

    `detach_after_s` is when sealed days leave the database, None for never. `content_file`, `keys_file` and `copies` are paths beside the configuration;
    `master` is a reference.
    """

    usual: Terms
    classes: Mapping[str, Terms]
    content_file: str
    keys_file: str
    master: str
    copies: str | None
    copies_s: int
    detach_after_s: int | None = None

    @property
    def keeps_content(self) -> bool:
        """Tell whether any content may be kept at all."""
        return any(terms.keeping is not Keeping.NOTHING for terms in (self.usual, *self.classes.values()))

    def content(self, label: Label) -> Kept:
        """Return what the configuration allows for this label: of each class the least. Unknown data is not kept unless its class is named."""
        terms = [self._of(name) for name in label.classes]
        if not terms:
            return Kept(keeping=Keeping.NOTHING, content_s=0)
        ceiling_s = min(one.content_s for one in terms)
        if label.keep_at_most_s is not None:
            ceiling_s = min(ceiling_s, label.keep_at_most_s)
        return Kept(keeping=min(one.keeping for one in terms), content_s=ceiling_s)

    def under(self, verdict: Verdict) -> Kept:
        """Return the same under a verdict, which can only make it less."""
        kept = self.content(verdict.label)
        content_s = kept.content_s if verdict.keep_at_most_s is None else min(kept.content_s, verdict.keep_at_most_s)
        keeping = min(kept.keeping, verdict.keeping)
        return Kept(keeping=keeping if content_s > 0 else Keeping.NOTHING, content_s=content_s)

    def features_s(self, classes: Iterable[str]) -> int:
        """
        Return for how many seconds numbers made from prompts with data of these classes may be kept, 0 for not at all.

        They are no content and go when content would: also where none is kept as a rule, but not where a class says so.
        """
        silent = {name for name, terms in self.classes.items() if terms.keeping is Keeping.NOTHING}
        return min((0 if name in silent else self._of(name).content_s for name in classes), default=0)

    def records_s(self, classes: Iterable[str]) -> int | None:
        """
        Return for how many seconds the records of calls with data of these classes are kept, None for ever.

        What is said of a class beats what is usual; of several ceilings the lowest counts, and a floor beats a ceiling.
        """
        terms = [self.classes[name] for name in classes if name in self.classes]
        ceiling_s = min((one.records_s for one in terms if one.records_s is not None), default=self.usual.records_s)
        return None if ceiling_s is None else max([ceiling_s, *(one.records_at_least_s for one in terms)])

    def _of(self, name: str) -> Terms:
        terms = self._named(name)
        if name in self.classes or CLASSES.get(name, Level.RESTRICTED) < Level.RESTRICTED:
            return terms
        return Terms(keeping=Keeping.NOTHING, content_s=0, records_s=terms.records_s, records_at_least_s=terms.records_at_least_s)

    def _named(self, name: str) -> Terms:
        return self.classes.get(name, self.usual)


def span_s(text: str) -> int:
    """Return the seconds of a span such as `30d`."""
    return int(text[:-1]) * _UNIT_S[text[-1]]


def retention_of(told: Told) -> Retention:
    """Return the meaning of the section."""
    usual = Terms(
        keeping=Keeping[told.content.upper()],
        content_s=span_s(told.content_for),
        records_s=None if told.records_for is None else span_s(told.records_for),
        records_at_least_s=0,
    )
    return Retention(
        usual=usual,
        classes={name: _terms(one, usual) for name, one in told.classes.items()},
        content_file=told.file,
        keys_file=told.keys.file,
        master=told.keys.master,
        copies=told.keys.copies,
        copies_s=span_s(told.keys.copies_for),
        detach_after_s=None if told.detach_after is None else span_s(told.detach_after),
    )


def retention_mistakes(told: Told) -> Iterator[Wrong]:
    """Tell what a well-shaped section still gets wrong: floors above ceilings, content that outlives its record, secrets that would be kept."""
    meant = retention_of(told)
    if not is_reference(told.keys.master):
        yield ("keys", "master"), "a key must not stand in this file.", f"Write {FORMS}."
    if told.file == told.keys.file:
        yield ("keys", "file"), "content and its keys would be in one file, and in the same backups.", "Name another file."
    yield from _outliving((), meant.usual, usual=meant.usual)
    for name, terms in meant.classes.items():
        yield from _of_class(name, terms, usual=meant.usual)
    for (floor, one), (ceiling, other) in permutations(meant.classes.items(), 2):
        if other.records_s is not None and one.records_at_least_s > other.records_s:
            says = (
                f"one call may hold `{floor}` and `{ceiling}` data: its record must stay {_days(one.records_at_least_s)} and go after {_days(other.records_s)}."
            )
            yield ("classes", floor, "records_at_least"), says, f"Raise `records_for` of `{ceiling}`, or lower `records_at_least` of `{floor}`."


def mistakes_in(text: Text, told: Told) -> Iterator[Mistake]:
    """Tell the same with file and line."""
    for path, says, remedy in retention_mistakes(told):
        where = ("retention", *path)
        yield Mistake(file=text.file, path=dotted(where), line=text.line(where), says=says, remedy=remedy)


def _of_class(name: str, terms: Terms, *, usual: Terms) -> Iterator[Wrong]:
    if name == SECRET and terms.keeping is not Keeping.NOTHING:
        yield ("classes", name, "content"), "secrets are never kept, in any form.", "Write `content: nothing`."
    yield from _outliving(("classes", name), terms, usual=usual)
    ceiling_s = usual.records_s if terms.records_s is None else terms.records_s
    if ceiling_s is not None and terms.records_at_least_s > ceiling_s:
        says = f"records of `{name}` must be kept for {_days(terms.records_at_least_s)} and be gone after {_days(ceiling_s)}."
        yield ("classes", name, "records_at_least"), says, "Raise `records_for` of this class, or lower `records_at_least`."


def _outliving(path: Path, terms: Terms, *, usual: Terms) -> Iterator[Wrong]:
    ceiling_s = usual.records_s if terms.records_s is None else terms.records_s
    if terms.keeping is not Keeping.NOTHING and ceiling_s is not None and terms.content_s > max(ceiling_s, terms.records_at_least_s):
        yield (*path, "content_for"), "content would outlive the record of its call.", "Lower `content_for`, or raise `records_for`."


def _terms(told: RetentionClass, usual: Terms) -> Terms:
    return Terms(
        keeping=usual.keeping if told.content is None else Keeping[told.content.upper()],
        content_s=usual.content_s if told.content_for is None else span_s(told.content_for),
        records_s=None if told.records_for is None else span_s(told.records_for),
        records_at_least_s=0 if told.records_at_least is None else span_s(told.records_at_least),
    )


def _days(seconds: int) -> str:
    return f"{seconds / 86_400:g} days"
