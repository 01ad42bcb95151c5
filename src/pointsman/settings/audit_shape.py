"""
The shape of the section `audit:`. What it means is known to `ledger/audit`.
"""

from typing import Annotated

from msgspec import Meta, Struct

_Copy = Annotated[str, Meta(max_length=1000, pattern=r"^(file:.+|git:.+|witness:https?://[^ ]+( [^ ]+)?)$")]
_Origin = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$")]
_Seconds = Annotated[float, Meta(ge=0.1, le=86_400)]


class Audit(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The audit log: what happened to data, in a form that shows when it was changed. Changes take effect at the next start."""

    folder: Annotated[str, Meta(min_length=1, description="The folder of the log, beside this file.")] = "pointsman.audit"
    origin: Annotated[_Origin | None, Meta(description="The name of the log, such as `example.com/gateway`; by default one is made up at the first start.")] = (
        None
    )
    copies: Annotated[
        list[_Copy],
        Meta(
            description="Where signed checkpoints are copied to, so that a log that was cut or written anew is found out: `file:FOLDER`, best on another disk,"
            " `git:REPOSITORY`, `witness:URL KEY`. By default the state folder of the user who runs the gateway."
        ),
    ] = []
    copy_s: Annotated[_Seconds, Meta(description="Seconds between two copies at most; what was written since the last is not vouched for outside.")] = 60.0
    checkpoint_s: Annotated[_Seconds, Meta(description="Seconds after which what was written is signed.")] = 10.0
    checkpoint_records: Annotated[int, Meta(ge=1, le=10_000_000, description="Records after which they are signed, if that is sooner.")] = 10_000
    segment_bytes: Annotated[int, Meta(ge=4096, le=1 << 30, description="Bytes of one file of records.")] = 16 * 1024 * 1024
