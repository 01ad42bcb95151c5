"""
Lines that work against the demo's gateway: curl and both SDKs. The tests run them as they are printed.
"""

import textwrap
from pathlib import Path
from typing import Final

from pointsman.cli.demonstration.folder import ANSWER, HYBRID, secret_of

_NARROW: Final = 72  # what a line of 80 columns leaves for two parts, indented
_BREAK: Final = " \\\n    "
_KEY: Final = secret_of("helpdesk")
_QUESTION: Final = "Where is my parcel?"


def curl(url: str) -> str:
    """Return a shell command."""
    return textwrap.dedent(f"""\
        curl {url}/v1/chat/completions \\
          -H 'content-type: application/json' \\
          -H 'authorization: Bearer {_KEY}' -d '{{"model": "{ANSWER}",
          "messages": [{{"role": "user", "content": "{_QUESTION}"}}]}}'""")


def openai_sdk(url: str) -> str:
    """Return Python for the `openai` package."""
    return textwrap.dedent(f"""\
        from openai import OpenAI
        client = OpenAI(base_url="{url}/v1", api_key="{_KEY}")
        answer = client.chat.completions.create(
            model="{ANSWER}",
            messages=[{{"role": "user", "content": "{_QUESTION}"}}])
        print(answer.choices[0].message.content)""")


def anthropic_sdk(url: str) -> str:
    """Return Python for the `anthropic` package."""
    return textwrap.dedent(f"""\
        from anthropic import Anthropic
        client = Anthropic(base_url="{url}", api_key="{_KEY}")
        answer = client.messages.create(
            model="{ANSWER}", max_tokens=200,
            messages=[{{"role": "user", "content": "{_QUESTION}"}}])
        print(answer.content[0].text)""")


def commands(program: str, configuration: Path, *, is_promised: bool = False) -> list[str]:
    """Return commands of our own that tell more about the demo."""
    told = ("report", "report --failures", *((f"guarantee {HYBRID}",) if is_promised else ()), f"explain --capability {HYBRID} 'Cancel my order'")
    wanted = [f"{program} {command}" for command in told]
    return [f"{line}{_BREAK if len(line) + len(str(configuration)) > _NARROW else ' '}-c {configuration}" for line in wanted]


def lines(url: str) -> list[str]:
    """Return all of them, with what each needs."""
    parts = (
        ("In another terminal:", curl(url)),
        ("In Python, with `pip install openai`:", openai_sdk(url)),
        ("In Python, with `pip install anthropic`:", anthropic_sdk(url)),
    )
    return [line for title, code in parts for line in (title, *textwrap.indent(code, "  ").splitlines(), "")]
