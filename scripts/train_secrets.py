"""
Make the weights with which secrets are told from other values: `python scripts/train_secrets.py <folder of the data>`.

Reads `secrets/credential_lines.jsonl` (labelled lines, see the README of the data), measures with folds that never share a repository and a
threshold that is chosen without the fold it is used on, then trains on everything and writes `src/pointsman/governance/detection/data/secrets.json`.
The data itself is not part of the project.
"""

# ruff: noqa: PLR2004 - the numbers of a training are chosen once, here
import argparse
import json
import random
import re
import sysconfig
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import numpy as np

from pointsman.governance.detection.linear import shadow
from pointsman.governance.detection.secrets import SecretDetector
from pointsman.governance.detection.secrets_candidates import Candidate, candidates
from pointsman.governance.detection.secrets_model import Model, features

TARGET = Path(__file__).parent.parent / "src" / "pointsman" / "governance" / "detection" / "data" / "secrets.json"
IGNORED = {"UUID", "AWS S3 Bucket"}
Span = tuple[int, int]


class Line:
    """A labelled line: `true` spans are secrets, `ignored` ones are not counted either way."""

    def __init__(self, repo: str, text: str) -> None:
        self.repo = repo
        self.text = text
        self.true: set[Span] = set()
        self.ignored: set[Span] = set()
        self.count = 0


def lines_of(path: Path) -> list[Line]:
    """Return the labelled lines, each once."""
    lines: dict[tuple[str, str], Line] = {}
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        line = lines.setdefault((row["repo"], row["text"]), Line(row["repo"], row["text"]))
        text = row["text"]
        # The end is a column of the last line where a value goes over several.
        span = (int(row["value_start"] or 0), int(row["value_end"]) + text.rfind("\n") + 1 if row["value_end"] else len(text))
        line.count += 1
        if span[1] <= span[0]:
            continue
        if set(row["category"].split(":")) <= IGNORED:
            line.ignored.add(span)
        elif row["truth"] == "T":
            line.true.add(span)
    return list(lines.values())


def covers(found: Span, gold: Span) -> bool:
    """Return whether one span hides at least half of another."""
    return 2 * (min(found[1], gold[1]) - max(found[0], gold[0])) >= gold[1] - gold[0]


def covered(found: list[Span], gold: Span) -> bool:
    """Return whether what was found hides at least half of a secret."""
    return 2 * sum(max(0, min(end, gold[1]) - max(start, gold[0])) for start, end in found) >= gold[1] - gold[0]


def overlaps(found: Span, golds: set[Span]) -> bool:
    """Return whether a span shares a character with one of others."""
    return any(found[0] < end and start < found[1] for start, end in golds)


def trigrams() -> str:
    """Return how rare each triple of letters is in the names and the prose of the standard library, one digit each."""
    counts: Counter[str] = Counter()
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        for word in set(re.findall(r"[a-z]{3,20}", path.read_text(encoding="utf-8", errors="ignore").lower())):
            counts.update(word[at : at + 3] for at in range(len(word) - 2))
    letters = "abcdefghijklmnopqrstuvwxyz"
    total = sum(counts.values())
    levels = []
    for one in letters:
        for two in letters:
            for three in letters:
                likelihood = np.log((counts[one + two + three] + 0.3) / total)
                levels.append(str(int(np.clip((-likelihood - 6.0) * 10 / 7.5, 0, 9))))
    return "".join(levels)


# What people choose is not in the data, where values are drawn anew by lot: words with years and signs are added, labelled as what they replace.
def chosen(chance: random.Random) -> str:
    """Return a password as people choose them."""
    word = chance.choice(WORDS).capitalize() if chance.random() < 0.6 else chance.choice(WORDS)
    tail = chance.choice([str(chance.randint(1, 99)), str(chance.randint(1960, 2026)), str(chance.randint(100, 999))])
    form = chance.choice(["{w}{t}!", "{w}@{t}", "{w}{t}", "{w}_{t}#", "{v}{w}{t}", "{w}-{v}-{t}", "{w}${t}", "{w}.{t}*", "{w}{v}!{t}"])
    leet = str.maketrans("aeos", "@30$") if chance.random() < 0.35 else {}
    return form.format(w=word.translate(leet), v=chance.choice(WORDS), t=tail)


WORDS = (
    "summer",
    "winter",
    "spring",
    "autumn",
    "dragon",
    "monkey",
    "sunshine",
    "shadow",
    "master",
    "football",
    "hunter",
    "tiger",
    "purple",
    "orange",
    "silver",
    "coffee",
    "banana",
    "cookie",
    "flower",
    "welcome",
    "london",
    "paris",
    "berlin",
    "madrid",
    "vienna",
    "munich",
    "chelsea",
    "arsenal",
    "liverpool",
    "thomas",
    "daniel",
    "andrea",
    "michelle",
    "jordan",
    "ashley",
    "robert",
    "matrix",
    "falcon",
    "ginger",
    "pepper",
    "cheese",
    "buster",
    "charlie",
    "jessica",
    "maggie",
    "princess",
    "killer",
    "freedom",
    "whatever",
    "trustno",
    "batman",
    "superman",
    "starwars",
    "thunder",
    "phoenix",
    "yankees",
    "diamond",
    "mustang",
    "corvette",
    "harley",
    "ranger",
)


class Row:
    """One candidate of a line with its label."""

    def __init__(self, *, repo: str, names: list[str], label: int, weight: float = 1.0) -> None:
        self.repo = repo
        self.names = names
        self.label = label
        self.weight = weight


def rows_of(lines: list[Line], table: str) -> list[Row]:
    """Return the candidates of the lines with their labels."""
    chance = random.Random(7)  # noqa: S311 - for the same weights each time
    rows: list[Row] = []
    for line in lines:
        for candidate in candidates(line.text, shadow(line.text)):
            span = (candidate.start, candidate.end)
            true = any(covers(span, gold) for gold in line.true)
            if not true and overlaps(span, line.ignored | line.true):
                continue
            rows.append(Row(repo=line.repo, names=sorted(set(features(line.text, candidate, trigrams=table))), label=int(true)))
            if true and re.search(r"pass|pwd|login|cred", candidate.name, re.IGNORECASE) and span[1] - span[0] < 24:
                value = chosen(chance)
                text = line.text[: span[0]] + value + line.text[span[1] :]
                other = Candidate(start=span[0], end=span[0] + len(value), name=candidate.name, form=candidate.form, quoted=candidate.quoted)
                rows.append(Row(repo=line.repo, names=sorted(set(features(text, other, trigrams=table))), label=1, weight=0.3))
    return rows


def kept(rows: list[Row]) -> list[str]:
    """Return the features worth a weight: those that at least two repositories have, so that no repository is learned by heart."""
    repos: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for row in rows:
        for name in row.names:
            repos[name].add(row.repo)
            counts[name] += 1
    return sorted(name for name, seen in repos.items() if len(seen) >= 2 and counts[name] >= 4)


def trained(rows: list[Row], *, table: str, ridge: float = 1.0, threshold: float = 0.5) -> Model:
    """Return the weights by Newton's method on the ridge-penalised likelihood. Each repository counts by the square root of its size."""
    names = kept(rows)
    index = {name: at for at, name in enumerate(names)}
    design = np.zeros((len(rows), len(names) + 1))
    design[:, -1] = 1.0
    for at, row in enumerate(rows):
        for name in row.names:
            if name in index:
                design[at, index[name]] = 1.0
    size = Counter(row.repo for row in rows)
    mean = len(rows) / len(size)
    weight = np.array([row.weight * (mean / size[row.repo]) ** 0.5 for row in rows])
    label = np.array([row.label for row in rows], dtype=float)
    # What two things say together must earn its weight; what one says, less.
    penalty = np.array([ridge * (2.0 if name.count(" ") > 1 or name.startswith("name ") else 1.0) for name in names] + [1.0])
    penalty[-1] = 1e-3
    solution = np.zeros(len(names) + 1)
    for _ in range(12):
        chance = 1 / (1 + np.exp(-np.clip(design @ solution, -30, 30)))
        gradient = design.T @ (weight * (label - chance)) - penalty * solution
        curve = weight * chance * (1 - chance) + 1e-6
        step = np.linalg.solve(design.T @ (design * curve[:, None]) + np.diag(penalty), gradient)
        solution += step
        if np.abs(step).max() < 1e-4:
            break
    weights = {name: round(float(value), 3) for name, value in zip(names, solution, strict=False) if abs(value) >= 0.0015}
    return Model(provenance="", bias=round(float(solution[-1]), 3), threshold=threshold, weights=weights, trigrams=table)


class Tally:
    """Hits and misses. `recall` is over labelled secrets, `precision` over what was found on labelled lines."""

    def __init__(self) -> None:
        self.hit = self.missed = self.right = self.wrong = 0

    def add(self, line: Line, found: list[Span]) -> None:
        """Count what was found in a line."""
        for gold in line.true:
            if covered(found, gold):
                self.hit += 1
            else:
                self.missed += 1
        for span in found:
            if overlaps(span, line.true):
                self.right += 1
            elif not overlaps(span, line.ignored):
                self.wrong += 1

    @property
    def precision(self) -> float:
        """Return the share of findings that are right."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Return the share of secrets that were found."""
        return self.hit / max(1, self.hit + self.missed)

    @property
    def f2(self) -> float:
        """Return the mean of both in which recall counts double."""
        return 5 * self.precision * self.recall / max(1e-9, 4 * self.precision + self.recall)


def scored(lines: list[Line], model: Model) -> list[tuple[Line, list[tuple[Span, float]]]]:
    """Return what the model finds in each line, with its scores."""
    detector = SecretDetector(msgspec.structs.replace(model, threshold=0.02))
    return [(line, [((finding.start, finding.end), finding.score) for finding in detector.find(line.text)]) for line in lines]


THRESHOLDS = [at / 100 for at in range(6, 90, 2)]


def tally(results: list[tuple[Line, list[tuple[Span, float]]]], threshold: float) -> Tally:
    """Count what was found above a threshold."""
    counted = Tally()
    for line, found in results:
        counted.add(line, [span for span, score in found if score >= threshold])
    return counted


def folds(lines: list[Line]) -> list[set[str]]:
    """Return each repository as a fold of its own."""
    return [{repo} for repo in sorted({line.repo for line in lines})]


def out_of_fold(lines: list[Line], rows: list[Row], *, table: str, ridge: float) -> dict[str, list[tuple[Line, list[tuple[Span, float]]]]]:
    """Return for each repository what a model found there that never saw it."""
    found = {}
    for fold in folds(lines):
        model = trained([row for row in rows if row.repo not in fold], table=table, ridge=ridge)
        found[min(fold)] = scored([line for line in lines if line.repo in fold], model)
    return found


def nested(lines: list[Line], rows: list[Row], *, table: str, ridge: float) -> Tally:
    """Return the tally with a threshold chosen inside the other repositories."""
    total = Tally()
    for fold in folds(lines):
        rest_lines = [line for line in lines if line.repo not in fold]
        rest_rows = [row for row in rows if row.repo not in fold]
        inner = [pair for pairs in out_of_fold(rest_lines, rest_rows, table=table, ridge=ridge).values() for pair in pairs]
        threshold = max(THRESHOLDS, key=lambda at: tally(inner, at).f2)
        model = trained(rest_rows, table=table, ridge=ridge)
        own = tally(scored([line for line in lines if line.repo in fold], model), threshold)
        print(f"  {min(fold)}: threshold {threshold:.2f}  P {own.precision:.3f} R {own.recall:.3f} F2 {own.f2:.3f}  ({own.hit + own.missed} secrets)")
        for field in ("hit", "missed", "right", "wrong"):
            setattr(total, field, getattr(total, field) + getattr(own, field))
    return total


RIDGE = 1.0
# Between the best for unseen repositories (0.1 to 0.3, a flat top) and the even odds, for few false alarms in prose.
SHIPPED_THRESHOLD = 0.3


def main() -> None:
    """Measure, train on everything, and write the weights."""
    parser = argparse.ArgumentParser(description="Make the weights of the detector of secrets.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--quick", action="store_true", help="leave out the nested measurement")
    chosen_options = parser.parse_args()
    source = chosen_options.data / "secrets" / "credential_lines.jsonl"
    lines = lines_of(source)
    table = trigrams()
    rows = rows_of(lines, table)
    print(f"{len(lines)} lines of {len(folds(lines))} repositories, {len(rows)} candidates")
    outer = [pair for pairs in out_of_fold(lines, rows, table=table, ridge=RIDGE).values() for pair in pairs]
    threshold = max(THRESHOLDS, key=lambda at: tally(outer, at).f2)
    best = tally(outer, threshold)
    print(f"unseen repositories, single best threshold {threshold}: P {best.precision:.3f} R {best.recall:.3f} F2 {best.f2:.3f}")
    figures = f"P {best.precision:.3f} R {best.recall:.3f} F2 {best.f2:.3f}"
    if not chosen_options.quick:
        total = nested(lines, rows, table=table, ridge=RIDGE)
        print(f"unseen repositories, nested thresholds: P {total.precision:.3f} R {total.recall:.3f} F2 {total.f2:.3f}")
        figures = f"P {total.precision:.3f} R {total.recall:.3f} F2 {total.f2:.3f} with nested thresholds"
    provenance = (
        "Made by scripts/train_secrets.py from the labelled lines of Samsung/CredData at c2e5761 (Apache-2.0 labels; MIT, Apache, BSD and "
        f"ISC files; every true value drawn anew), 12 repositories, and from the words of the Python standard library. "
        f"On repositories not trained on: {figures}."
    )
    model = msgspec.structs.replace(trained(rows, table=table, ridge=RIDGE), provenance=provenance, threshold=SHIPPED_THRESHOLD)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=1) + b"\n")
    print(f"{len(model.weights)} weights, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
