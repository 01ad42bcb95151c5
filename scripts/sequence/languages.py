"""
Texts in other languages than English: as they stand, and with other words of the same language in the place of some of their own.

Without them every foreign word is as strange as a name.
"""

# ruff: noqa: PLR2004, RUF001 - chances are chosen once, here, and letters of other scripts are meant
import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_SLOT: Final = re.compile(r"(\{[a-z0-9]+\})")


class _Language(NamedTuple):
    """`lines` that hold nobody, `templates` with slots, and `words` by whether they begin with a capital letter within a sentence."""

    lines: tuple[str, ...]
    templates: tuple[str, ...]
    words: Mapping[bool, tuple[str, ...]]


def _read() -> tuple[_Language, ...]:
    sections = (Path(__file__).parent / "languages.txt").read_text(encoding="utf-8").split("\n## ")[1:]
    return tuple(_language(section.splitlines()[1:]) for section in sections)


def _language(rows: list[str]) -> _Language:
    texts = [row.replace("\\n", "\n") for row in rows if row and not row.startswith("+")]
    lines = tuple(text for text in texts if "{" not in text)
    words = [word for row in rows if row.startswith("+") for word in row[1:].split()]
    words += [word for line in lines for word in _WORD.findall(line)[1:]]
    by_capital = {capital: tuple(word for word in words if word[0].isupper() == capital) for capital in (True, False)}
    return _Language(lines, tuple(text for text in texts if "{" in text), by_capital)


_LANGUAGES: Final = _read()
# Those with more texts are taken more often.
_SHARES: Final = tuple(len(language.lines) for language in _LANGUAGES)


_RUSSIAN_FIRST: Final = tuple(
    (  # noqa: SIM905 - names are read more easily in lines
        "Олег Иван Пётр Сергей Алексей Дмитрий Андрей Николай Михаил Юрий Павел Владимир Максим Артём Роман Виктор Анна Мария Елена Ольга Наталья Татьяна"
        " Ирина Светлана Екатерина Дарья Юлия Ксения Вера Людмила Тарас Богдан Оксана Галина"
    ).split()
)
_RUSSIAN_LAST: Final = tuple(
    (  # noqa: SIM905
        "Смирнов Иванов Кузнецов Попов Соколов Лебедев Козлов Новиков Морозов Волков Зайцев Павлов Голубев Виноградов Фёдоров Беляев Тарасов Гусев Титов"
        " Кравченко Шевченко Бондаренко Коваленко"
    ).split()
)


def russian(random: Random) -> str:
    """Return a name in Cyrillic letters."""
    first, last = random.choice(_RUSSIAN_FIRST), random.choice(_RUSSIAN_LAST)
    last += "а" if first[-1] in "ая" and last.endswith("в") else ""
    return random.choice((f"{first} {last}", f"{first} {last}", f"{last} {first}", first, last))


def _one(random: Random) -> _Language:
    return random.choices(_LANGUAGES, _SHARES)[0]


def line(random: Random) -> str:
    """Return a text that holds nobody; one in six is nothing but words in any order."""
    language = _one(random)
    if random.random() < 0.16:
        some = random.sample(language.words[False], random.randint(3, 12))
        if len(language.words[True]) > 50:
            some = [random.choice(language.words[random.random() < 0.4]) for _ in some]
        return " ".join(some).capitalize() + random.choice((".", "?", "", "!"))
    return _varied(random.choice(language.lines), language, random=random)


def template(random: Random) -> str:
    """Return a text with slots."""
    language = next(one for one in iter(lambda: _one(random), None) if one.templates)
    parts = _SLOT.split(random.choice(language.templates))
    return "".join(part if _SLOT.fullmatch(part) else _varied(part, language, random=random) for part in parts)


def _varied(text: str, language: _Language, *, random: Random) -> str:
    share = random.choice((0.0, 0.15, 0.3, 0.6))

    def other(match: re.Match[str]) -> str:
        word = match.group()
        if random.random() > share:
            return word
        if match.start() == 0:
            return random.choice(language.words[False]).capitalize()
        pool = language.words[word[0].isupper()]
        return random.choice(pool) if len(pool) > 50 else word

    return _WORD.sub(other, text)
