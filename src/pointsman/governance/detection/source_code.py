"""
The detector of source code: a real block of it, not a question about code, a single line, or data in JSON or YAML.

Lines are judged one by one by what they begin and end with, in many languages, and a block is a stretch in which most lines are code. A comment
that claims ownership or names a licence makes even a short block one. Whether a block stands in a fence of a chat makes no difference.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from pointsman.governance.detection.linear import Linear, shadow
from pointsman.governance.finding import Finding

KIND: Final = "source_code"
_MIN_LINES: Final = 5  # of code; fewer may be an example in a question
_MIN_MARKED_LINES: Final = 2  # of code, where a comment claims ownership
_MIN_CHARS: Final = 100
_MAX_GAP: Final = 4  # lines in a row that are not code, after which a block ends
_MIN_SHARE: Final = 0.4  # of the lines of a block; comments and the middles of calls do not look like code

# A line is code by its beginning (a keyword and what its language wants after it) or by its end.
_CODE: Final = Linear(
    r"(?m)^[ \t>+\-]*(?:"
    # What begins a line of code whatever follows.
    r"(?:(?:async )?def \w+[ (]|raise \w+[(.]|from [\w.]+ import |import \(|#(?:include|define|ifdef|ifndef|endif|pragma|undef)\b|<\?php|"
    r"(?:function|func|fn|fun|proc) ?\*?\w*[(<]|func \(\w|"
    r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE (?:TABLE|INDEX|VIEW)|ALTER TABLE|FROM|WHERE|(?:LEFT |INNER )?JOIN|GROUP BY|ORDER BY|VALUES)\b[ (]|"
    r"(?:export |default |public |private |protected |internal |static |final |abstract |override |async |inline |virtual |extern |pub |unsafe |suspend )"
    r"(?:class|def|fn|func|function|void|int|string|bool|const|let|struct|enum|interface|static|final|async|readonly|List|String|var|val|object)\b)[^\n]*|"
    # What is a line of code as a whole.
    r"class \w+[^\n.?!]*[:{(]|import [\w.{}*, \"'/@\-]+;?(?: from [^\n]+)?|@[\w.]+(?:\([^\n]*\)?)?|"
    r"(?:if|elif|for|while|with|match|except|switch|catch)\b[^\n]+[:{]$|(?:else|try|finally|do)\b ?[:{]$|return\b[^\n?!]*[;)\]}\w\"']$|"
    r"(?:const|let|var|val|auto|my) [\w{\[$@%][^\n]*=[^\n]*|"
    r"(?:struct|enum|interface|trait|impl|namespace|package|module|type|typedef|using|union|record) [\w.:<>]+[^\n?!]*[{;=(]|"
    r"use [\w:\\{}, ]+;|require(?:_once|_relative)?[ (][\"'][^\n]*|"
    r"[\w.\[\]\"'$@>*&-]+(?:: ?[\w\[\], |]+)? ?(?:[+\-*/|&:]|<<)?= ?[^\s=][^\n]*[;)\]}(\[{,\w\"']$|"
    r"(?:await |yield |throw |del |assert |new |echo |print )?[\w.$:>\-]+(?:<[\w, ]+>)?\([^\n]*\)?[;{,]?$|"
    r"[)\]}]+[;,)]*(?: else ?\{| while ?\(| catch ?\()?$|\w[\w<>\[\], *&:]+ [*&]?\w+\([^\n]*[{;]$|[^\n\"]*(?:[;{]|=> ?[{(]?|->)$|end$|fi$|done$|esac$"
    r")[ \t]*$"
)
# What a line of prose, of a list or of data looks like, though it ends like code.
_NO_CODE: Final = Linear(r"(?m)^[ \t]*(?:[\"'][\w \-]+[\"']: |[*•] |\d+[.)] |[A-Z][a-z]+(?: [a-z]+){3,}|[\w ]+: [A-Za-z ]{3,}[^{(\[]$)")
_MARK: Final = Linear(
    r"(?im)^[ \t]*(?://|/?\*|#|--|;|<!--|\"\"\"|%)[^\n]*(?:all rights reserved|proprietary|confidential|trade secret|do not distribute|"
    r"internal use only|unpublished work|copyright \(c\)|copyright ©|spdx-license-identifier|licensed under)"
)


class _Line(Struct, frozen=True):
    number: int
    start: int
    end: int
    marked: bool


class SourceCodeDetector:
    """
    Finds blocks of source code of at least five lines of code, or two under a comment that claims ownership.

    A finding spans whole lines. Its score grows with the length of the block. Holds no state; linear in the length of the text.
    """

    name = "source_code/1"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield the blocks of code of a text, in their order."""
        if text.count("\n") < _MIN_MARKED_LINES:
            return
        for block in _blocks(_lines(shadow(text))):
            code = sum(not line.marked for line in block)
            marked = code < len(block)
            start, end = block[0].start, block[-1].end
            if code >= (_MIN_MARKED_LINES if marked else _MIN_LINES) and end - start >= _MIN_CHARS:
                score = 0.95 if marked else min(0.99, 0.6 + 0.04 * code)
                yield Finding(start=start, end=end, kind=KIND, data_class=KIND, detector=self.name, score=round(score, 2))


def _lines(raw: bytes) -> Iterator[_Line]:
    """Yield the lines that are code, and those that mark code as somebody's."""
    no_code = {start for start, _ in _NO_CODE.spans(raw)}
    marks = {start for start, _ in _MARK.spans(raw)}
    starts = marks.union(start for start, _ in _CODE.spans(raw) if start not in no_code)
    number = at = 0
    for start in sorted(starts):
        number += raw.count(b"\n", at, start)
        at = start
        end = raw.find(b"\n", start)
        yield _Line(number, start, end if end >= 0 else len(raw), start in marks)


def _blocks(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    block: list[_Line] = []
    for line in lines:
        if block and line.number - block[-1].number > _MAX_GAP:
            yield from _dense(block)
            block = []
        block.append(line)
    yield from _dense(block)


def _dense(block: list[_Line]) -> Iterator[list[_Line]]:
    if block and len(block) >= _MIN_SHARE * (block[-1].number - block[0].number + 1):
        yield block
