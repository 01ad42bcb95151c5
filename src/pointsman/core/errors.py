"""
Everything that can be told to a caller or an operator.

    PointsmanError
    ├── Refused                    the product said no, on purpose; nothing is broken
    │   ├── BadRequest             the request cannot be read
    │   │   └── TooLarge           a bound on size or depth was passed
    │   ├── NotAuthenticated       no key, two keys, a wrong, lapsed or revoked key
    │   ├── NotPermitted           a valid key without this permission
    │   ├── UnknownCapability      no capability of this name for this key
    │   ├── UnknownRoute           no such path, or not with this method
    │   └── NoPlaceAllowed         policy closes every target
    ├── Failed                     something broke; trying again may help
    │   ├── PlaceFailed            one attempt at one target
    │   ├── Exhausted              every rung of the ladder failed
    │   ├── NotGoodEnough          answers came, but none passed the capability's checks
    │   ├── LedgerUnavailable      nothing can be recorded, so nothing is accepted
    │   ├── AuditUnavailable       what must be on record first does not leave
    │   └── Stopping               the gateway is about to end and takes nothing new
    └── Unusable                   the installation or its configuration is wrong
        ├── CredentialMissing      a reference that leads to no secret
        └── ExtraMissing           a part that is not installed

What only one stage says stands there: mistakes of a configuration in `settings/mistakes.py`, what no target can do
in `decision/errors.py`, limits in `intake/errors.py`, a rule's veto in `places/rules/veto.py`.

Names do not end in "Error": each says what happened. The docstring of a class is documentation and goes into `docs/errors.md`, so it
ends with the remedy. Errors become HTTP in `server` and nowhere else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pointsman.core.failure import Failure, FailureKind


class PointsmanError(Exception):
    """The root of everything Pointsman raises on purpose."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(PointsmanError):
    """The product said no, on purpose. Remedy: see the code."""

    code = "refused"


class BadRequest(Refused):
    """The request cannot be read as what it claims to be. Remedy: correct the field that the message names."""

    code = "bad_request"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class TooLarge(BadRequest):
    """A bound on size or depth was passed. Remedy: send less, or raise the bound under `server.bounds`."""

    code = "too_large"


class NotAuthenticated(Refused):
    """The key is missing, malformed, unknown, expired or revoked, or two different keys were sent. Remedy: send one valid key."""

    code = "not_authenticated"


class NotPermitted(Refused):
    """The key is valid but lacks this permission. Remedy: ask the key's owner for the scope or capability that the message names."""

    code = "not_permitted"

    def __init__(self, *, what: str, who: str) -> None:
        super().__init__(f"The key `{who}` may not use {what}. Ask its owner to allow it in `pointsman.yaml` under `keys`.")
        self.what = what
        self.who = who


class UnknownCapability(Refused):
    """The `model` field names no capability that this key may use. Remedy: choose one that `GET /v1/models` lists."""

    code = "unknown_capability"

    def __init__(self, *, name: str) -> None:
        super().__init__(f"There is no capability `{name[:100]}` for this key. `GET /v1/models` lists those you may use.")
        self.name = name


class UnknownRoute(Refused):
    """The path does not exist, or not with this method. Remedy: use a path from the README."""

    code = "unknown_route"


class NoPlaceAllowed(Refused):
    """Policy leaves no target where this data may be processed. Remedy: lower the data's class if it was declared too high, or add a target that accepts it."""

    code = "no_place_allowed"

    def __init__(self, *, capability: str, data_class: str) -> None:
        super().__init__(
            f"`{capability}` has no target that may receive `{data_class}` data. Run `pointsman explain --capability {capability}` to see what closes each."
        )
        self.capability = capability
        self.data_class = data_class

    def tell(self, found: Mapping[str, int]) -> None:
        """Say in the message what was found in the data, by kind."""
        if found:
            self.message: str = f"{self.message} Found in it: {', '.join(f'{count} {kind}' for kind, count in sorted(found.items()))}."


class Failed(PointsmanError):
    """Something broke. Remedy: try again; see the code."""

    code = "failed"


class PlaceFailed(Failed):
    """One attempt at one target failed. Remedy: the pipeline retries or goes to the next rung by itself."""

    code = "place_failed"

    def __init__(self, failure: Failure, *, target: str) -> None:
        super().__init__(f"`{target}` failed ({failure.kind}): {failure.message}")
        self.failure = failure
        self.target = target


class Exhausted(Failed):
    """Every rung of the capability's ladder failed. Remedy: try again after `retry_after_s`; add a rung; see `pointsman report --failures`."""

    code = "exhausted"

    def __init__(self, *, capability: str, failures: Sequence[PlaceFailed], retry_after_s: float | None) -> None:
        told = Counter(failure.message.rstrip(".") for failure in failures)  # one that was tried again says the same again
        listed = "; ".join(f"{message} ({times} times)" if times > 1 else message for message, times in told.items())
        is_ours = all(failure.failure.kind is FailureKind.CREDENTIAL for failure in failures)
        remedy = "Correct the keys of these vendors" if failures and is_ours else "Try again"
        super().__init__(f"Every target of `{capability}` failed: {listed}. {remedy}, or add a rung to its ladder.")
        self.capability = capability
        self.failures = tuple(failures)
        self.retry_after_s = retry_after_s


class NotGoodEnough(Failed):
    """Answers came, but none passed the capability's checks. Remedy: relax `output_schema`, or add a stronger rung to the ladder."""

    code = "not_good_enough"

    def __init__(self, *, capability: str, says: str) -> None:
        super().__init__(f"No answer passed the checks of `{capability}`: {says}. Add a stronger rung, or relax the check.")
        self.capability = capability


class LedgerUnavailable(Failed):
    """The ledger cannot be written, so no call is accepted: nothing may run that is not recorded. Remedy: free the disk or unlock the database."""

    code = "ledger_unavailable"


class AuditUnavailable(Failed):
    """
    The audit log cannot be written, so data of a class that must be on record first does not leave. Remedy: free the disk or give the folder
    back; `pointsman audit verify` tells what is wrong with it.
    """

    code = "audit_unavailable"


class Stopping(Failed):
    """The gateway is about to end: it finishes calls and takes no new ones. Remedy: try again; another one answers, or this one once it is back."""

    code = "stopping"


class Unusable(PointsmanError):
    """The installation or its configuration is wrong. Remedy: see the message."""

    code = "unusable"


class CredentialMissing(Unusable):
    """A credential reference leads to no secret. Remedy: set the variable, file or keyring entry that the message names."""

    code = "credential_missing"


class ExtraMissing(Unusable):
    """A part is not installed. Remedy: install the extra that the message names."""

    code = "extra_missing"

    def __init__(self, *, what: str, extra: str) -> None:
        super().__init__(f"{what} needs a part that is not installed. Run `pip install 'pointsman[{extra}]'`.")
        self.extra = extra
