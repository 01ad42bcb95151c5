"""
How likely a candidate is a secret: a logistic model over the shape of the value, the name it has and the way it stands.

The weights come with the package (`data/secrets.json`, which says what they were made from) and are made by `scripts/train_secrets.py`, which uses
the very functions of this module. Nothing of the text goes into a feature except single words of the *name*, of a closed list.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import pairwise
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.governance.detection.secrets_candidates import Candidate

_LETTERS: Final = 26
_A: Final = ord("a")
_NAME_WORD: Final = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|\d+")
_LOWER_RUN: Final = re.compile(r"[a-z]{3,40}")

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
# The first that fits the whole value names its shape.
_SHAPES: Final = (
    ("number", re.compile(r"[\d.,\-:_]+|0[xob][0-9a-fA-F]{1,8}|v:?\d[\w.\-]*|(?:[0-9A-Fa-f]{2}:){5,}[0-9A-Fa-f]{2}")),
    ("uuid", _UUID),
    ("hex", re.compile(r"(?:0x)?(?:[0-9a-f]{6,}|[0-9A-F]{6,})")),
    (
        "template",
        re.compile(
            r"(?:[$%#]?(?:\{[\w{$ .%]|[<(\[]).*)|%\w+%|\$\w+|__\w+__|:\w+|@\w+|&\w+;?"
            r"|(?:env|vault|file|secrets?|keyring):[\w./\-]+|\*+.*|x{3,}.*|X{3,}.*|.*\.\.\."
        ),
    ),
    ("hash", re.compile(r"\$[0-9a-z]{1,8}\$.*|(?:sha\d+|md5)[:\-].*", re.IGNORECASE)),
    ("link", re.compile(r"(?:[a-z]{2,8}:)?//.*|[a-z]{2,8}://.*|[\w.+\-]+@[\w\-]+\.[\w.]+|(?:[a-z0-9\-]+\.){1,5}(?:com|org|net|io|dev|local)(?:[:/].*)?")),
    (
        "path",
        re.compile(
            r"(?:[.~]{0,2}/|[A-Z]:\\).*|[\w.\-]+(?:/[\w.\-]+)+|[\w\-]+\.(?:json|ya?ml|txt|pem|key|crt|p12|js|ts|py|go|rb|cs|md|html?|xml|cfg|ini|env|png|jpg|svg)"
        ),
    ),
    ("call", re.compile(r"[A-Za-z_][\w.:>\-]*[(\[].*")),
    ("dotted", re.compile(r"[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+")),
    ("snake", re.compile(r"[a-z]+(?:_[a-z]+)+")),
    ("constant", re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+")),
    ("camel", re.compile(r"[a-z]+(?:[A-Z][a-z]+)+|(?:[A-Z][a-z]+){2,}")),
    ("header", re.compile(r"[A-Z][a-z]+(?:-[A-Z][a-z]+)+")),
    ("word", re.compile(r"[a-z]+|[A-Z][a-z]+|[A-Z]+")),
    ("phrase", re.compile(r"\S+(?:\s+\S+)+")),
    ("words", re.compile(r"[A-Za-z]+(?:[-_.][A-Za-z]+)+")),
    ("nkey", re.compile(r"[AUON][A-Z0-9]{55}")),
    ("base64", re.compile(r"[A-Za-z0-9+/]{12,}={1,2}")),
    ("alnum", re.compile(r"[A-Za-z0-9]+")),
    ("urlsafe", re.compile(r"[A-Za-z0-9_\-]+")),
)
_PLACEHOLDER: Final = re.compile(
    r"example|sample|your|my[_\-]|dummy|fake|placeholder|change[_\-]?me|replace|insert|redact|todo|fixme|none|null|undefined|true|false|default|"
    r"foo|bar|baz|qux|lorem|xxx|yyy|zzz|\*\*\*|\.\.\.|1234|4321|abcd|qwerty|<|>|\$\{|\{\{|%\(|not[_\-]?a|invalid|some[_\-]|random|test|mock|stub|demo",
    re.IGNORECASE,
)
_SPEAKING: Final = re.compile(
    r"pass|pwd|secret|token|key|auth|cred|login|user|admin|access|private|value|name|string|api|env|config|hash|salt|id\b", re.IGNORECASE
)
# Words of names that say the same. A word of no group counts for itself where two sources of the training data have it.
_GROUPS: Final[Mapping[str, str]] = {
    word: group
    for group, words in {
        "password": "password contrase kennwort wachtwoord senha parola heslo passwd passwort pwd pass passphrase passcode passin passout pw userpassword psw",
        "secret": "secret secrets private priv",
        "token": "token tokens apitoken accesstoken jwt refresh",
        "key": "key keys apikey apikeys accesskey",
        "auth": "auth authorization authentication oauth bearer basic identified",
        "credential": "credential credentials cred creds login",
        "salt": "salt nonce seed hmac entropy nkey",
        "session": "session sid cookie csrf xsrf",
        "digest": "sha sha1 sha256 sha512 md5 digest checksum commit revision rev hash "
        "etag fingerprint integrity keyid thumbprint ref head checksums commits tree blob",
        "number": "length len size count ttl timeout interval expires expiry expiration time "
        "date duration min max limit level version bits iterations retries attempts",
        "place": "url uri host hostname endpoint address path file filename dir directory "
        "folder location domain fqdn server port link redirect href src image bucket",
        "title": "name label title description type kind mode header field prefix suffix format "
        "policy message msg error text template pattern prompt placeholder help column param",
        "person": "user username email owner author account issuer client tenant subject app application project organization",
        "identity": "id ids uuid guid identifier index",
        "public": "public pub certificate cert ca csr",
        "pretended": "test tests testing mock fake dummy example sample expected stub demo invalid wrong bad",
        "environment": "env environ getenv environment config settings setting option options variable var namespace",
        "act": "get set is has use enable enabled disable allow require required verify validate "
        "check create update delete new add remove reset find load read write parse generate",
    }.items()
    for word in words.split()
}
# What a value is shows in its beginning; the rest would only cost time.
_MAX_LOOK: Final = 64
_TELLING: Final = frozenset("$./%:@=+,~#!\\")
_LIKELIHOOD_BINS: Final = (2.0, 2.6, 3.1, 3.6, 4.1, 4.6, 5.2, 5.8)
_ENTROPY_BINS: Final = (1.5, 2.0, 2.5, 2.8, 3.1, 3.4, 3.7, 4.0, 4.4, 4.8)
_LENGTH_BINS: Final = (4, 6, 7, 8, 10, 12, 16, 20, 24, 31, 32, 39, 40, 41, 48, 63, 64, 65, 100, 200)


class Model(Struct, frozen=True, kw_only=True):
    """
    The weights. `trigrams` holds for each of the 26³ triples of letters how rare it is in names and prose, 0 (common) to 9. `threshold` is the
    probability from which a candidate is held for a secret. `provenance` says what all this was made from.
    """

    provenance: str
    bias: float
    threshold: float
    weights: Mapping[str, float]
    trigrams: str

    def score(self, text: str, candidate: Candidate) -> float:
        """Return the probability, 0 to 1, that the candidate is a secret."""
        weights = self.weights
        total = self.bias
        for feature in features(text, candidate, trigrams=self.trigrams):
            total += weights.get(feature, 0.0)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


def shipped() -> Model:
    """Return the model that comes with the package."""
    data = resources.files("pointsman.governance.detection").joinpath("data", "secrets.json").read_bytes()
    return msgspec.json.decode(data, type=Model)


def features(text: str, candidate: Candidate, *, trigrams: str) -> Iterator[str]:
    """Yield what is to be seen of a candidate. Each name is one weight of the model."""
    value = text[candidate.start : min(candidate.end, candidate.start + _MAX_LOOK)]
    shape = _shape(value)
    yield from _of_value(value, shape, trigrams=trigrams)
    length = _bin(candidate.end - candidate.start, _LENGTH_BINS)
    yield f"length {length}"
    yield f"length {length} {shape}"
    yield from _of_name(candidate, value, shape=shape)
    standing = f"{candidate.form}{'q' if candidate.quoted else ''}"
    yield f"form {standing}"
    yield f"form {standing} {shape}"
    after = _after(text, candidate.end)
    yield f"after {after}"
    before = text[candidate.start - 1] if candidate.start else ""
    yield f"before {before if before in _TELLING else ''}"
    if not candidate.quoted:
        yield f"bare after {after}"


def _of_value(value: str, shape: str, *, trigrams: str) -> Iterator[str]:
    rarity = _bin(rarity_of(value, trigrams), _LIKELIHOOD_BINS)
    entropy = _bin(_entropy(value), _ENTROPY_BINS)
    kinds = _kinds(value)
    yield f"shape {shape}"
    yield f"rare {rarity}"
    yield f"rare {rarity} {shape}"
    yield f"entropy {entropy}"
    yield f"kinds {kinds}"
    yield f"kinds {kinds} rare {rarity}"
    yield f"mixed {_bin(_changes(value), (1, 2, 3, 5, 8, 12))}"
    if _PLACEHOLDER.search(value):
        yield "placeholder"
        yield f"placeholder {kinds}"
    if _SPEAKING.search(value):
        yield "speaking"
        yield f"speaking {kinds}"
    if len(set(value)) * 3 <= len(value):
        yield "monotone"


def _of_name(candidate: Candidate, value: str, *, shape: str) -> Iterator[str]:
    words = [word.lower() for word in _NAME_WORD.findall(candidate.name)][-8:]
    if not words:
        yield "unnamed"
        yield f"unnamed {shape}"
        return
    groups = [_GROUPS.get(word, "") for word in words]
    for word in set(words):
        yield f"name {word}"
    told = {group for group in groups if group}
    for group in told:
        yield f"about {group}"
        yield f"about {group} {shape}"
    last = groups[-1] or ("digit" if words[-1].isdigit() else "none")
    yield f"last {last}"
    yield f"last {last} {shape}"
    yield f"last {last} {candidate.form}"
    if candidate.name.isupper():
        yield f"shouted {shape}"
    lower = value.lower()
    if any(len(word) > 2 and word in lower for word in words):  # noqa: PLR2004 - a word, not two letters
        yield "repeats name"
        yield f"repeats name {candidate.form}"


def _shape(value: str) -> str:
    return next((name for name, pattern in _SHAPES if pattern.fullmatch(value)), "other")


def _after(text: str, end: int) -> str:
    rest = text[end : end + 2]
    if not rest or rest[0] == "\n":
        return "end"
    if rest[0].isspace():
        return "space"
    return rest[0] if rest[0] in "(.[/&@:;,<>)|\"'`}]\\" else "other"


def _kinds(value: str) -> str:
    kinds = ""
    if any(letter.islower() for letter in value):
        kinds += "a"
    if any(letter.isupper() for letter in value):
        kinds += "A"
    if any(letter.isdigit() for letter in value):
        kinds += "1"
    return kinds + ("" if value.isalnum() else "#")


def _changes(value: str) -> int:
    """Return how often the value goes from letters to digits or back."""
    digits = [letter.isdigit() for letter in value]
    return sum(one is not other for one, other in pairwise(digits))


def _entropy(value: str) -> float:
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


def rarity_of(value: str, trigrams: str) -> float:
    """Return how unlike words the letters of a value are, 0 to 9: the mean over its triples. What has no three letters in a row is 9.5."""
    total = count = 0
    for run in _LOWER_RUN.findall(value.lower()):
        codes = [ord(letter) - _A for letter in run]
        for one, two, three in zip(codes, codes[1:], codes[2:], strict=False):
            total += int(trigrams[(one * _LETTERS + two) * _LETTERS + three])
            count += 1
    return total / count if count else 9.5


def _bin(value: float, bounds: tuple[float, ...]) -> int:
    return sum(value >= bound for bound in bounds)
