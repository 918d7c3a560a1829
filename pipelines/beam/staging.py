"""Where the workers of a pipeline and its launcher leave files to each other."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.ipc
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from sesrec_tf.errors import InputError

_ERRORS = "errors"
_PARTIAL = ".partial"
# Left to guess from the name, Beam would unpack what is packed, truncated or not.
_AS_IT_IS = ("application/octet-stream", CompressionTypes.UNCOMPRESSED)


@dataclass(frozen=True)
class Staging:
    """A directory that all workers and the launcher see under the same name.

    Files appear whole: a worker that a runner starts again replaces what the first one left, by
    the same content.

    Attributes:
        root: a path, or a URL of a file system that Beam knows (gs://, s3://, hdfs://).
    """

    root: str

    def path(self, *names: str) -> str:
        """The full name of a file or directory."""
        return str(FileSystems.join(self.root, *names))

    def exists(self, *names: str) -> bool:
        """Whether there is such a file."""
        return bool(FileSystems.exists(self.path(*names)))

    def listing(self, *names: str) -> list[str]:
        """Sorted names of the files below a directory, relative to it."""
        directory = self.path(*names)
        with suppress(BeamIOError):
            # Not a pattern: the root may hold what would be one.
            paths = [each.path for each in FileSystems.get_filesystem(directory)._list(directory)]
            below = (path[len(directory) :].lstrip("/") for path in paths)
            return sorted(name for name in below if not name.endswith(_PARTIAL))
        return []

    def write(self, data: bytes, *names: str) -> None:
        """Writes a file."""
        with self._created(*names) as file:
            file.write(data)

    def read(self, *names: str) -> bytes:
        """The content of a file."""
        with self._opened(*names) as file:
            return file.read()

    def write_batches(self, batches: Sequence[pa.RecordBatch], *names: str) -> None:
        """Writes an Arrow file of exactly these record batches, empty ones included."""
        with self._created(*names) as file, pyarrow.ipc.new_file(file, batches[0].schema) as writer:
            for batch in batches:
                writer.write_batch(batch)

    def read_batch(self, number: int, *names: str) -> pa.RecordBatch:
        """One record batch of an Arrow file; the others are not read."""
        with self._opened(*names) as file, pyarrow.ipc.open_file(file) as reader:
            return reader.get_batch(number)

    def put(self, directory: Path, *names: str) -> None:
        """Copies the files of a directory of this machine."""
        for file in sorted(directory.iterdir()):
            with file.open("rb") as source, self._created(*names, file.name) as target:
                shutil.copyfileobj(source, target, 1 << 20)

    def get(self, target: Path, *names: str) -> Path:
        """A directory as one of this machine: where it is, or copied to `target`."""
        if "://" not in self.root:
            return Path(self.path(*names))
        target.mkdir(parents=True, exist_ok=True)
        for name in self.listing(*names):
            with self._opened(*names, name) as source, (target / name).open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        return target

    def write_error(self, error: InputError, name: str) -> None:
        """Keeps an error for `raise_errors`: no retry mends it, and no runner carries its type."""
        text = json.dumps([str(error), error.details])
        self.write(text.encode("utf-8"), _ERRORS, f"{name}.json")

    def raise_errors(self) -> None:
        """Raises the first error that a worker met, by name.

        Raises:
            InputError: if there is one.
        """
        for name in self.listing(_ERRORS)[:1]:
            message, details = json.loads(self.read(_ERRORS, name))
            raise InputError(message, details)

    def remove(self) -> None:
        """Removes everything."""
        FileSystems.delete([self.root])

    @contextmanager
    def _created(self, *names: str) -> Iterator[BinaryIO]:
        path = self.path(*names)
        temporary = f"{path}.{uuid.uuid4().hex}{_PARTIAL}"
        try:
            with FileSystems.create(temporary, *_AS_IT_IS) as file:
                yield file
            _rename(temporary, path)
        except BaseException:
            with suppress(BeamIOError):
                FileSystems.delete([temporary])
            raise

    def _opened(self, *names: str) -> BinaryIO:
        file: BinaryIO = FileSystems.open(self.path(*names), *_AS_IT_IS)
        return file


def _rename(source: str, target: str) -> None:
    try:
        FileSystems.rename([source], [target])
    except BeamIOError:
        # HDFS, unlike others, does not rename over a file.
        if not FileSystems.exists(target):
            raise
        FileSystems.delete([target])
        FileSystems.rename([source], [target])
