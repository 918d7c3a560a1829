"""Files of requests to blocks of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import apache_beam as beam

from pipelines.beam.staging import Staging
from pipelines.scoring.request_files import Block, RequestFiles
from sesrec_tf.errors import InputError

INDEX = "index"
"""Directory with the number of blocks and of records of every file."""


class IndexFile(beam.DoFn):
    """Numbers of files to their blocks; each file is read once, whole.

    Args:
        files: of requests.
        size: records a block has, see `RequestFiles.blocks`.
        staging: for counts and errors.
    """

    def __init__(self, files: RequestFiles, size: int, staging: Staging) -> None:
        self._files = files
        self._size = size
        self._staging = staging

    def process(self, element: int) -> Iterator[Block]:
        try:
            blocks = self._files.blocks(element, self._size)
        except InputError as error:
            self._staging.write_error(error, f"index-{element:06d}")
            return
        found = [sum(-(-block.records // self._size) for block in blocks), _records(blocks)]
        self._staging.write(json.dumps(found).encode(), INDEX, f"{element:06d}")
        yield from blocks


def _records(blocks: list[Block]) -> int:
    return sum(block.records for block in blocks)
