from __future__ import annotations

import logging

import pytest

from pipelines.beam.log_level import silenced


def test_messages_up_to_the_level_are_not_heard(caplog: pytest.LogCaptureFixture) -> None:
    with silenced(logging.WARNING):
        logging.getLogger().warning("lost")
        logging.getLogger("apache_beam").error("heard")
    assert [record.message for record in caplog.records] == ["heard"]


def test_the_level_before_comes_back_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="stop"), silenced(logging.CRITICAL):
        raise ValueError("stop")
    logging.getLogger().warning("heard")
    assert [record.message for record in caplog.records] == ["heard"]
