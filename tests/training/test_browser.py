"""What becomes of the browser tests where there is no browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.browser import REQUIRE, require_browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).touch(mode=0o755)


def test_absent_programs_skip_a_test(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="chromium and chromedriver not installed"):
        require_browser()
    install(programs, "chromium")
    with pytest.raises(pytest.skip.Exception, match=r"^chromedriver not installed"):
        require_browser()


def test_absent_programs_fail_a_test_that_must_run(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match=f"not installed.*{REQUIRE} is 1"):
        require_browser()


@pytest.mark.parametrize("required", ["", "1"])
def test_installed_programs_let_it_run(
    programs: Path, monkeypatch: pytest.MonkeyPatch, required: str
) -> None:
    monkeypatch.setenv(REQUIRE, required)
    install(programs, "chromium", "chromedriver")
    require_browser()
