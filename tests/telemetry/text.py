"""
Prometheus' text, read by its own parser.
"""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: bytes) -> Samples:
    """Return every sample by its name and labels."""
    families = text_string_to_metric_families(text.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(text: bytes, name: str, **labels: str) -> float | None:
    """Return one sample; `from_` stands for the label `from`."""
    told = frozenset((key.rstrip("_"), text_) for key, text_ in labels.items())
    return samples(text).get((name, told))


def names(text: bytes) -> set[str]:
    """Return the names of all figures that are announced, with those that a histogram has."""
    families = list(text_string_to_metric_families(text.decode()))
    plain = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    parts = {f"{family.name}_{part}" for family in families if family.type == "histogram" for part in ("bucket", "sum", "count")}
    return plain | parts
