"""
Refusals at the door: limits and budgets.
"""

from pointsman.core.errors import Refused


class OverLimit(Refused):
    """
    A limit in requests or tokens a minute is used up, or smaller than this one call. Remedy: wait `retry_after_s`; where there is none, lower
    `max_tokens`; or raise the limit under `limits`.
    """

    code = "over_limit"

    def __init__(self, *, limit: str, what: str, retry_after_s: float | None) -> None:
        if retry_after_s is None:
            super().__init__(
                f"The limit `{limit}` has no room for the {what} of this one call, however long you wait. Lower `max_tokens`, or raise it under `limits`."
            )
        else:
            super().__init__(f"The limit `{limit}` allows no more {what} now. Try again in {retry_after_s:.0f} s.")
        self.limit = limit
        self.retry_after_s = retry_after_s


class OverBudget(Refused):
    """The money of a budget is spent or reserved. Remedy: wait for the next period, or raise the budget under `limits`."""

    code = "over_budget"

    def __init__(self, *, limit: str, period: str) -> None:
        super().__init__(f"The budget `{limit}` for this {period} does not cover this call. Raise it under `limits`, or wait for the next {period}.")
        self.limit = limit
