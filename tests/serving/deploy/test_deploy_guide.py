"""docs/serving.md names commands, files, sections and alerts that exist."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec

import pytest

from tests.serving.deploy.deploy_files import DEPLOY, read_yaml

GUIDE = (DEPLOY.parents[1] / "docs" / "serving.md").read_text("utf-8")
FLAG = re.compile(r"--[a-z][a-z-]+")
HEADINGS = re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
ALERTS = [
    rule
    for group in read_yaml(DEPLOY / "prometheus" / "alerts.yml")["groups"]
    for rule in group["rules"]
]


def section(heading: str) -> str:
    """Text under a heading, up to the next one."""
    return re.split(r"^#+ ", GUIDE.split(f" {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def first_column(table: str) -> list[str]:
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    return rows[2:]


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ([\w.]+)", GUIDE))))
def test_command_exists(module):
    assert find_spec(module) is not None


def commands_with_flags() -> dict[str, set[str]]:
    """Flags that the guide gives to each command."""
    given: dict[str, set[str]] = {}
    for module, rest in re.findall(r"python -m (\w+\.[\w.]+) ([^`\n]*)", GUIDE):
        given.setdefault(module, set()).update(FLAG.findall(rest))
    return given


def test_the_guide_shows_commands():
    assert {"sesrec_tf.export", "serving.client", "serving.smoke"} <= set(commands_with_flags())


@pytest.mark.parametrize(("module", "flags"), sorted(commands_with_flags().items()))
def test_flags_of_the_commands_exist(module, flags, capsys):
    is_package = find_spec(module).submodule_search_locations is not None
    command = import_module(f"{module}.command" if is_package else module)
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert flags <= set(FLAG.findall(capsys.readouterr().out))


def test_links_within_the_page_lead_somewhere():
    anchors = {anchor(heading) for heading in HEADINGS}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors


def test_files_of_the_table_exist():
    named = re.findall(r"`([^`]+)`", " ".join(first_column(section("The parts"))))
    assert named
    assert all((DEPLOY / name).exists() for name in named)


def test_files_of_the_commands_exist():
    named = set(re.findall(r"serving/deploy/[\w./]+", GUIDE))
    # The settings are a copy that the reader makes.
    missing = {name for name in named if not (DEPLOY.parents[1] / name).exists()}
    assert missing <= {"serving/deploy/.env"}


def test_every_alert_is_explained():
    assert first_column(section("Alerts")) == [alert["alert"] for alert in ALERTS]


def test_sections_that_alerts_point_to_exist():
    named = re.findall(
        r"docs/serving\.md, ([^.?]+)\.",
        " ".join(alert["annotations"]["action"] for alert in ALERTS),
    )
    assert named
    assert set(named) <= set(HEADINGS)
