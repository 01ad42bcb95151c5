"""
A secret as a value that cannot be shown by mistake, and that is revealed only for the origin it is bound to.

No text form, no copy, no pickle, no JSON: whatever prints, logs or stores a value gets `<secret>` or a `TypeError`. Where secrets come from belongs to
`secrets`; what is done with one that was revealed belongs to `transport`.
"""

import hmac
from typing import Final, NamedTuple, Never, Self

_SHOWN: Final = "<secret>"


class Origin(NamedTuple):
    """Where a secret may be used: scheme, host (lower case) and port. A use inside this machine has the scheme `local` and a purpose as its host."""

    scheme: str
    host: str
    port: int

    @property
    def text(self) -> str:
        """The origin as people write it."""
        return f"{self.scheme}://{self.host}:{self.port}"


def local(purpose: str) -> Origin:
    """Return the origin that stands for a use inside this machine, such as `local("content-keys")`."""
    return Origin("local", purpose, 0)


class NotItsOrigin(PermissionError):
    """A secret was asked for by an origin that it is not bound to. Remedy: bind it to the origin under which its vendor is configured."""


class Secret:
    """
    A secret. `reveal_to` is the only way to its text; without an origin it is revealed to nobody.

    Two compare equal if text and origin are the same, in a time that tells nothing about where they differ.
    """

    __slots__ = ("_bytes", "_origin")

    def __init__(self, text: str, *, origin: Origin | None = None) -> None:
        self._bytes = bytearray(text, "utf-8")
        self._origin = origin

    def bound_to(self, origin: Origin) -> Self:
        """Return the same secret for one origin. Raises `NotItsOrigin` for one that is bound to another already."""
        if self._origin is not None and self._origin != origin:
            raise NotItsOrigin(f"A secret of `{self._origin.text}` cannot be bound to `{origin.text}`. Give each origin a credential of its own.")
        return type(self)(self._bytes.decode(), origin=origin)

    def reveal_to(self, origin: Origin) -> str:
        """Return the text, for this origin. Raises `NotItsOrigin`, which holds no secret."""
        if self._origin is None or self._origin != origin:
            bound = "no origin" if self._origin is None else f"`{self._origin.text}`"
            raise NotItsOrigin(f"A secret that is bound to {bound} was asked for by `{origin.text}`. Give each origin a credential of its own.")
        if not self._bytes:
            raise NotItsOrigin(f"The secret for `{origin.text}` was wiped. Read it again from where it is kept.")
        return self._bytes.decode()

    def wipe(self) -> None:
        """Overwrite the text in memory. Best effort: what was revealed before, or copied by the interpreter, is out of reach."""
        self._bytes[:] = bytes(len(self._bytes))
        self._bytes.clear()

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes, other._bytes) and self._origin == other._origin

    __hash__ = None  # type: ignore[assignment]  # a hash would tell secrets apart

    def __repr__(self) -> str:
        """Show that there is a secret, and nothing of it."""
        return _SHOWN

    def __format__(self, spec: str) -> str:
        """Show the same in any format, so that width and slices tell nothing."""
        del spec
        return _SHOWN

    def __reduce_ex__(self, protocol: object) -> Never:
        """Refuse to be pickled or copied."""
        del protocol
        raise TypeError("a secret cannot be pickled or copied")

    def __copy__(self) -> Never:
        """Refuse to be copied."""
        raise TypeError("a secret cannot be pickled or copied")

    def __deepcopy__(self, memo: object) -> Never:
        """Refuse to be copied."""
        del memo
        raise TypeError("a secret cannot be pickled or copied")
