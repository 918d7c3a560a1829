"""Batching parameters in TF Serving's text form."""

from __future__ import annotations

import pytest

from serving.server.batching_parameters import BatchingParameters
from sesrec_tf.errors import InputError


def read(tmp_path, text):
    file = tmp_path / "batching.config"
    file.write_text(text)
    return BatchingParameters.read(file)


def test_defaults_are_those_of_tf_serving(tmp_path):
    # SharedBatchScheduler::QueueOptions in shared_batch_scheduler.h.
    parameters = read(tmp_path, "")
    assert parameters == BatchingParameters()
    assert parameters.max_batch_size == 1000
    assert parameters.batch_timeout_micros == 0
    assert parameters.max_enqueued_batches == 10


def test_every_field(tmp_path):
    text = """
        # A comment.
        max_batch_size { value: 8 }
        batch_timeout_micros { value: 0 }
        max_enqueued_batches { value: 3 }
        num_batch_threads { value: 2 }
        thread_pool_name { value: "pool" }
        allowed_batch_sizes: 4
        allowed_batch_sizes: 8
        pad_variable_length_inputs: true
        enable_large_batch_splitting { value: false }
    """
    assert read(tmp_path, text) == BatchingParameters(8, 0, 3, 2, (4, 8), True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 8", "cannot read batching parameters"),
        ("max_batch { value: 8 }", "cannot read batching parameters"),
        ("max_batch_size { value: 0 }", "`max_batch_size` should be at least 1"),
        ("batch_timeout_micros { value: -1 }", "`batch_timeout_micros` should be at least 0"),
        ("num_batch_threads { value: 0 }", "`num_batch_threads` should be at least 1"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; "
            "expected 8",
        ),
        ("allowed_batch_sizes: 8 allowed_batch_sizes: 4", "should increase"),
        ("enable_large_batch_splitting { value: true }", "enable_large_batch_splitting"),
    ],
)
def test_unusable_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot read batching parameters"):
        BatchingParameters.read(tmp_path / "absent")
