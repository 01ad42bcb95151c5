"""
Whether the books balance: what was spent equals what units bear plus what no unit bears, to the nano-dollar.
"""

from msgspec import Struct

from pointsman.storage.database import query
from pointsman.storage.sql import Database


class Balance(Struct, frozen=True, kw_only=True):
    """
    Both sides of the books in nano-dollars.

    Spent: `bought` by attempts at a price, `charged` for people, licences and corrections, `paid` for own hardware. Borne: `units` with people's time. What no
    unit bears: `idle` hardware; `in_flight`, busy time of calls that are not booked yet, and what rounding leaves; charges without a workflow, without
    a unit, and of units that had no call yet.
    """

    bought: int
    charged: int
    paid: int
    units: int
    idle: int
    in_flight: int
    without_workflow: int
    without_unit: int
    of_unknown_units: int

    @property
    def spent(self) -> int:
        """Everything that was spent."""
        return self.bought + self.charged + self.paid

    @property
    def unallocated(self) -> int:
        """What no unit bears."""
        return self.idle + self.in_flight + self.without_workflow + self.without_unit + self.of_unknown_units

    @property
    def difference(self) -> int:
        """What is spent and stands nowhere; 0 while the books balance."""
        return self.spent - self.units - self.unallocated


def balance(db: Database) -> Balance:
    """Read both sides from the rows themselves. Rows that were sealed and detached are missed: then ask `balance_of_sums`."""
    return _balance(db, query("ledger/balance_rows"))


def balance_of_sums(db: Database) -> Balance:
    """Read both sides from the roll-ups. Own hardware that judges and shadows used counts there as `bought`, and is missing `in_flight`."""
    return _balance(db, query("ledger/balance_sums"))


def _balance(db: Database, sql: str) -> Balance:
    row = db.rows(sql)[0]
    return Balance(
        bought=row["bought"],
        charged=row["charged"],
        paid=row["paid"],
        units=row["units"],
        idle=row["paid"] - row["busy"],
        in_flight=row["busy"] - row["hardware"],
        without_workflow=row["without_workflow"],
        without_unit=row["without_unit"],
        of_unknown_units=row["of_unknown_units"],
    )
