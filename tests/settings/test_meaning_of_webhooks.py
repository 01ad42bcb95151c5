"""What the section `webhooks` must make sense of."""

from pathlib import Path

import pytest
from tests.settings.files import settings_of, told_by

SUPPORT = "capabilities: {a: {ladder: [openai/x]}}\n"


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("secret: plain, unit: u, event: e, events: {x: {}}", "2 webhooks.desk.secret: this is no reference to a key."),
        ("secret: 'env:K', unit: u, event: e, events: {x: {}}, workflow: sales", "2 webhooks.desk.workflow: there is no workflow `sales`."),
        ("secret: 'env:K', unit: u, event: e, events: {}", "2 webhooks.desk.events"),
        ("secret: 'env:K', unit: u..v, event: e, events: {x: {}}", "2 webhooks.desk.unit"),
        ("secret: 'env:K', unit: u, event: e, events: {x: {}}, signature: authorization", "2 webhooks.desk.signature"),
    ],
)
def test_a_mistake_about_a_webhook_is_told_with_its_line_and_a_remedy(tmp_path: Path, sender: str, expected: str) -> None:
    [told] = told_by(tmp_path, f"{SUPPORT}webhooks: {{desk: {{{sender}}}}}")
    assert expected in told
    assert "plain" not in told.partition("desk.secret")[2].partition("this is")[0]


def test_a_webhook_may_speak_of_a_workflow_or_of_a_capability_without_one(tmp_path: Path) -> None:
    workflows = "workflows: {w: {capabilities: [a]}}\n"
    for source, name in ((SUPPORT + workflows, "w"), (SUPPORT, "a")):
        settings = settings_of(tmp_path, f"{source}webhooks: {{desk: {{secret: 'env:K', unit: u, event: e, events: {{x: {{}}}}, workflow: {name}}}}}")
        assert settings.file.webhooks["desk"].workflow == name
