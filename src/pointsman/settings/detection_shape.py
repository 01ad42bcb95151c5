"""
The section `detection` of `pointsman.yaml`: what is looked for in data, and for how long.
"""

from typing import Annotated

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(min_length=1, max_length=100)]


class Document(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A document of the company's own. Any part of it that is found in a request makes the request of its class."""

    path: Annotated[str, Meta(description="A text file, or a folder of them, beside this file.")]
    data_class: Annotated[_Name, Meta(description="What it is, such as `legal`, `source_code` or a class of your own.")]


class Detection(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is looked for in every request."""

    off: Annotated[list[_Name], Meta(description="Kinds that are not looked for at all, such as `person` or `date`. Secrets are always looked for.")] = []
    classes: Annotated[
        dict[_Name, _Name], Meta(description="Another class for a kind: `organisation: internal` has names of companies replaced by pseudonyms, for example.")
    ] = {}
    budget_ms: Annotated[int, Meta(ge=1, le=60_000, description="Milliseconds for one request. What takes longer is unknown, and so the strictest.")] = 5000
    max_chars: Annotated[int, Meta(ge=1000, description="Characters of one request that are looked at. A longer one counts as unknown.")] = 4_000_000
    documents: Annotated[list[Document], Meta(description="Documents of your own that are known again wherever they turn up.")] = []
    plug_ins: Annotated[list[_Name], Meta(description="Detectors of other packages, by the names of their entry points in `pointsman.detectors`.")] = []
