"""docs/serving.md names commands, files, sections and alerts that exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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


def test_flags_of_the_commands_exist():
    commands = re.findall(r"python -m (serving\.[\w.]+|pipelines\.[\w.]+) ([^`\n]*)", GUIDE)
    for module in {module for module, _ in commands}:
        shown = subprocess.run(
            [sys.executable, "-m", module, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        ).stdout
        given = {flag for name, rest in commands if name == module for flag in FLAG.findall(rest)}
        assert given <= set(FLAG.findall(shown))


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
