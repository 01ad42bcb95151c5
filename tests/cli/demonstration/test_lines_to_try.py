import shlex
from pathlib import Path

import pytest

from pointsman.cli.demonstration.lines_to_try import commands, lines


@pytest.mark.parametrize(("is_promised", "told"), [(False, 3), (True, 4)])
@pytest.mark.parametrize("program", ["pointsman", ".venv/bin/pointsman"])
def test_every_line_fits_a_terminal_of_eighty_columns_and_is_one_command_still(program: str, *, is_promised: bool, told: int) -> None:
    shown = commands(program, Path(".pointsman-demo/pointsman.yaml"), is_promised=is_promised)

    printed = [f"  {line}" for line in "\n  ".join(shown).split("\n")] + lines("http://127.0.0.1:65535")
    assert max(map(len, printed)) <= 80
    assert [shlex.split(line)[-2:] for line in shown] == [["-c", ".pointsman-demo/pointsman.yaml"]] * told
