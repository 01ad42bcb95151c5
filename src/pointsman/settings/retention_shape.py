"""
The shape of the section `retention`: how long records live, how much of what was said is kept, and where the keys are. Meaning belongs to `retention_compile`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pointsman.settings.secrets import FORMS

_Keeping = Literal["nothing", "hash", "filtered", "full"]
_Span = Annotated[str, Meta(pattern=r"^[0-9]{1,6}[mhdw]$")]


class RetentionClass(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What holds for calls with data of one class. Of several classes in one call the least content and the shortest time hold."""

    content: Annotated[_Keeping | None, Meta(description="How much of the content is kept; by default what `retention.content` says.")] = None
    content_for: Annotated[_Span | None, Meta(description="How long content is kept at most, such as `7d`; by default as `retention.content_for`.")] = None
    records_for: Annotated[_Span | None, Meta(description="How long the records of such calls are kept at most; by default as `retention.records_for`.")] = None
    records_at_least: Annotated[
        _Span | None, Meta(description="How long the records of such calls must be kept, such as `180d`. It binds records only, never content.")
    ] = None


class RetentionKeys(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The keys of kept content. Their file is no part of ordinary backups: a copy of it could undo an erasure."""

    file: Annotated[str, Meta(description="The file of the keys, beside this file.")] = "pointsman-keys.db"
    master: Annotated[
        str,
        Meta(description=f"A reference to the master key: {FORMS}. A file is made if absent."),
    ] = "file:pointsman-master.key"
    copies: Annotated[str | None, Meta(description="A folder for a daily copy of the file of the keys. Erasures reach these copies too.")] = None
    copies_for: Annotated[_Span, Meta(description="How long a copy is kept.")] = "30d"


class Retention(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How long records live and how much of what was said is kept. By default no content is kept at all."""

    records_for: Annotated[_Span | None, Meta(description="How long the records of calls are kept at most, such as `400d`; by default for ever.")] = None
    content: Annotated[
        _Keeping,
        Meta(
            description="How much of the content of calls is kept, where a class says nothing else and the policy allows it. Never of `secret` or unknown data."
        ),
    ] = "nothing"
    content_for: Annotated[_Span, Meta(description="How long content is kept at most.")] = "30d"
    classes: Annotated[dict[str, RetentionClass], Meta(description="What holds for a class of data, such as `personal`.")] = {}
    detach_after: Annotated[
        _Span | None,
        Meta(description="When the rows of a sealed day leave the database, such as `90d`, and stay in its files alone; by default never."),
    ] = None
    file: Annotated[str, Meta(description="The file of the content, beside this file.")] = "pointsman-content.db"
    keys: Annotated[RetentionKeys, Meta(description="The keys of kept content.")] = RetentionKeys()
