"""
The policy that is in force where none is written: who sees which class of data, cell by cell.

The rules are made from one table, a row for each class; docs/policy.md shows the same table. A cell that is empty permits nothing.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.label import CLASSES, SECRET
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.governance.policy.zones import CACHE, CONTENT_LOG, CONTRACTED, EDGE, PERSON, PRIVATE, PUBLIC_API, ZONES
from pointsman.settings.policy_compile import policy_digest
from pointsman.settings.policy_text import Action, Never, PolicyText, Rule

# What a target does with data that it was sent. Where data may be answered with, it may be embedded, judged and shadowed: the same machine sees it.
PROCESSING: Final = frozenset({Action.INFER, Action.EMBED, Action.JUDGE, Action.SHADOW, Action.TOOL})

_REGION_KNOWN: Final = 'target.region != ""'
_COVERED: Final = '"baa" in target.agreements && target.retention_days == 0'


class Cell(Struct, frozen=True):
    """Data may go there, if something holds, once something is done."""

    obligations: tuple[Obligation, ...] = ()
    when: str | None = None


class Row(Struct, frozen=True, kw_only=True):
    """What may be done with a class. `summary` is what else must be done before a checked summary may leave to any vendor; None: it may not."""

    zones: Mapping[str, Cell]
    sharing: Sharing
    keeping: Keeping
    summary: Cell | None = None


_YES: Final = Cell()
_FILTERED: Final = Cell((Obligation.PSEUDONYMISE,))
_TAKEN_OUT: Final = Cell((Obligation.REDACT,))
_AGREED: Final = Cell((Obligation.PERSON,))
_EVERYWHERE: Final[Mapping[str, Cell]] = {PUBLIC_API: _YES, CONTRACTED: _YES, PRIVATE: _YES, EDGE: _YES}

TABLE: Final[Mapping[str, Row]] = {
    "public": Row(zones=_EVERYWHERE, sharing=Sharing.TENANT, keeping=Keeping.FULL),
    "internal": Row(zones={**_EVERYWHERE, PUBLIC_API: _FILTERED}, sharing=Sharing.TENANT, keeping=Keeping.FULL, summary=_YES),
    "personal": Row(
        zones={
            PUBLIC_API: Cell((Obligation.PSEUDONYMISE,), _REGION_KNOWN),
            CONTRACTED: Cell((), _REGION_KNOWN),
            PRIVATE: _YES,
            EDGE: _YES,
        },
        sharing=Sharing.USER,
        keeping=Keeping.FULL,
        summary=_YES,
    ),
    "financial": Row(
        zones={CONTRACTED: _FILTERED, PRIVATE: _FILTERED, EDGE: _TAKEN_OUT},
        sharing=Sharing.NOBODY,
        keeping=Keeping.NOTHING,
        summary=_TAKEN_OUT,
    ),
    "source_code": Row(
        zones={CONTRACTED: _YES, PRIVATE: _YES, EDGE: _YES},
        sharing=Sharing.APPLICATION,
        keeping=Keeping.HASH,
        summary=_AGREED,
    ),
    "confidential": Row(
        zones={CONTRACTED: _FILTERED, PRIVATE: _YES, EDGE: _YES},
        sharing=Sharing.USER,
        keeping=Keeping.FULL,
        summary=_YES,
    ),
    "health": Row(
        zones={CONTRACTED: Cell((), _COVERED), PRIVATE: _YES, EDGE: _YES},
        sharing=Sharing.NOBODY,
        keeping=Keeping.FULL,
        summary=_AGREED,
    ),
    "legal": Row(zones={PRIVATE: _YES}, sharing=Sharing.NOBODY, keeping=Keeping.HASH),
    "restricted": Row(zones={PRIVATE: _YES}, sharing=Sharing.NOBODY, keeping=Keeping.HASH),
}

CLAIMS: Final = (
    Never(claim_id="secret-nowhere", classes=frozenset({SECRET}), zones=frozenset(ZONES), even_summarised=True),
    Never(claim_id="legal-only-private", classes=frozenset({"legal"}), zones=frozenset({PUBLIC_API, CONTRACTED, EDGE}), even_summarised=True),
    Never(claim_id="restricted-only-near", classes=frozenset({"restricted"}), zones=frozenset({PUBLIC_API, CONTRACTED}), even_summarised=True),
    Never(claim_id="health-not-public", classes=frozenset({"health"}), zones=frozenset({PUBLIC_API})),
    Never(claim_id="financial-not-public", classes=frozenset({"financial"}), zones=frozenset({PUBLIC_API})),
    Never(claim_id="source-code-not-public", classes=frozenset({"source_code"}), zones=frozenset({PUBLIC_API})),
)


def _rules(name: str, row: Row) -> Iterable[Rule]:
    for zone, cell in row.zones.items():
        yield replace(_permit(name, zone, actions=PROCESSING), targets={"zone": frozenset({zone})}, when=cell.when, obligations=frozenset(cell.obligations))
    if row.summary is not None:
        yield replace(_permit(name, "summary", actions={Action.SUMMARISE}), obligations=frozenset(row.summary.obligations))
    if row.sharing > Sharing.NOBODY:
        yield replace(_permit(name, CACHE, actions={Action.CACHE}), sharing=row.sharing)
    if row.keeping > Keeping.NOTHING:
        yield replace(_permit(name, CONTENT_LOG, actions={Action.LOG_CONTENT}), keeping=row.keeping)
    yield _permit(name, PERSON, actions={Action.PERSON})


def _permit(name: str, what: str, *, actions: AbstractSet[Action]) -> Rule:
    return Rule(rule_id=f"{name}-{what}", permits=True, classes=frozenset({name}), actions=frozenset(actions))


def rules() -> tuple[Rule, ...]:
    """Return the rules of the template."""
    return tuple(rule for name, row in TABLE.items() for rule in _rules(name, row))


def template() -> PolicyText:
    """Return the policy that is in force where none is written."""
    text = PolicyText(digest="", levels=CLASSES, rules=rules(), claims=CLAIMS)
    return replace(text, digest=policy_digest(text))
