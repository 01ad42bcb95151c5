"""
The numbering plans of states and of the telephone network, as python-stdnum and phonenumbers know them.

They are some 170 small modules that only a detector needs, so they are loaded when the first one is made, not when the package is imported.

A check counts as strict if it accepts at most one in 400 random strings of every length (measured with python-stdnum 2.2). A check digit alone
accepts one in ten and proves nothing without a word beside it.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from msgspec import Struct

Check = Callable[[str], bool]

# Length without dividers → whose numbers have it.
_STRICT: Final[Mapping[int, str]] = {
    9: "es.dni es.nie",
    10: "is_.kennitala fi.hetu",
    11: "no.fodselsnummer be.nn fi.hetu",
    13: "ch.ssn ro.cnp za.idnr",
    15: "fr.nir",
    16: "it.codicefiscale",
    18: "cn.ric mx.curp",
}
_NAMED: Final[Mapping[int, str]] = {
    8: "ie.pps au.tfn",
    9: "ca.sin cz.rc nl.bsn il.idnr ie.pps au.tfn",
    10: "gb.nhs bg.egn cz.rc dk.cpr se.personnummer in_.pan",
    11: "de.idnr ee.ik lt.asmens pl.pesel br.cpf hr.oib tr.tckimlik",
    12: "in_.aadhaar my.nric se.personnummer",
    13: "kr.rrn",
}


class Plans(Struct, frozen=True, kw_only=True):
    """The checks by length of a number: those that are strict, and all of them. `telephone` is the module of telephone numbers."""

    strict: Mapping[int, tuple[Check, ...]]
    every: Mapping[int, tuple[Check, ...]]
    telephone: Any

    def is_telephone(self, number: str) -> bool:
        """Tell whether an international number, from `+` on, has a length that its country gives out."""
        try:
            parsed = self.telephone.parse(number, None)
        except self.telephone.NumberParseException:
            return False
        return bool(self.telephone.is_possible_number(parsed))


@cache
def plans() -> Plans:
    """Return the plans, which are loaded once."""
    strict = {length: _checks(names) for length, names in _STRICT.items()}
    named = {length: _checks(names) for length, names in _NAMED.items()}
    every = {length: strict.get(length, ()) + named.get(length, ()) for length in strict.keys() | named.keys()}
    return Plans(strict=strict, every=every, telephone=importlib.import_module("phonenumbers"))


def _checks(names: str) -> tuple[Check, ...]:
    return tuple(guarded(importlib.import_module(f"stdnum.{name}").is_valid) for name in names.split())


def guarded(check: Check) -> Check:
    """Return a check that says no where the given one raises: it was given what it did not foresee, so it has not recognised it."""

    def accepts(number: str) -> bool:
        try:
            return check(number)
        except (ValueError, LookupError, TypeError, ArithmeticError):
            return False

    return accepts
