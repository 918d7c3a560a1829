"""Where the workers of a pipeline and its launcher leave files to each other."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.ipc
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from sesrec_tf.data.arrow_files import PACKED
from sesrec_tf.errors import InputError

_ERRORS = "errors"
_PARTIAL = ".partial"
# Left to guess from the name, Beam would unpack what is packed, truncated or not.
_AS_IT_IS = ("application/octet-stream", CompressionTypes.UNCOMPRESSED)
_stopped = threading.Event()


@dataclass(frozen=True)
class Staging:
    """A directory that all workers and the launcher see under the same name.

    Files appear whole: a worker that a runner starts again replaces what the first one left, by
    the same content.

    Attributes:
        root: a path, or a URL of a file system that Beam knows (gs://, s3://, hdfs://).
    """

    root: str

    @classmethod
    def chosen(cls, place: str | None, work: Path) -> Staging:
        """A directory for one job.

        Args:
            place: a path or URL that the job's own is made in; `None` for `work` itself.
            work: a directory beside the output, in one whose name is this process's alone.
        """
        if place is None:
            return cls(str(work.absolute()))
        name = work.parent.name.lstrip(".")
        if "://" in place:
            return cls(f"{place.rstrip('/')}/{name}")
        return cls(str(Path(place).absolute() / name))

    def path(self, *names: str) -> str:
        """The full name of a file or directory."""
        return str(FileSystems.join(self.root, *names))

    @property
    def is_local(self) -> bool:
        """Whether the root is a path of this machine."""
        return "://" not in self.root

    def begin(self) -> None:
        """Removes what a killed process may have left here; checks that files can be written.

        Raises:
            InputError: if they cannot.
        """
        try:
            self.remove()
            self.write(b"", "begun")
        except Exception as error:  # Every file system has its own.
            raise InputError(
                f"cannot write below {self.root} ({error}). Expected a directory, or a URL such as "
                "gs://bucket/path, where this machine and all workers can. Mend `--staging`."
            ) from error

    def listing(self, *names: str) -> list[str]:
        """Sorted names of the files in a directory; none if it is missing."""
        directory = self.path(*names)
        if self.is_local:
            place = Path(directory)
            found = [file.name for file in place.iterdir()] if place.is_dir() else []
        else:
            found = _remote_listing(directory)
        return sorted(name for name in found if not name.endswith(_PARTIAL))

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
        schema = batches[0].schema
        with (
            self._created(*names) as file,
            pyarrow.ipc.new_file(file, schema, options=PACKED) as writer,
        ):
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
        if self.is_local:
            return Path(self.path(*names))
        target.mkdir(parents=True, exist_ok=True)
        for name in self.listing(*names):
            with self._opened(*names, name) as source, (target / name).open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        return target

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A directory of this machine to work in; within the root, if that is one, to go with it.

        Raises:
            RuntimeError: if the work was given up.
        """
        _require_going_on()
        root = self.root if self.is_local else None
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=root) as directory:
            yield Path(directory)

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
        if self.is_local:
            if Path(self.root).exists():
                shutil.rmtree(self.root)
        else:
            # Object stores have no directories: all names that begin so.
            FileSystems.delete([f"{self.root}/"])

    def clear(self) -> None:
        """Removes everything, or warns of what is left: no reason to lose the output."""
        try:
            self.remove()
        except Exception as error:
            warnings.warn(f"{self.root} is left: {error}", stacklevel=2)

    @contextmanager
    def _created(self, *names: str) -> Iterator[BinaryIO]:
        _require_going_on()
        path = self.path(*names)
        temporary = f"{path}.{uuid.uuid4().hex}{_PARTIAL}"
        try:
            with FileSystems.create(temporary, *_AS_IT_IS) as file:
                yield file
            self._rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                self._delete(temporary)
            raise

    def _opened(self, *names: str) -> BinaryIO:
        file: BinaryIO = FileSystems.open(self.path(*names), *_AS_IT_IS)
        return file

    def _rename(self, source: str, target: str) -> None:
        try:
            FileSystems.rename([source], [target])
        except BeamIOError:
            # HDFS, unlike others, does not rename over a file.
            if self.is_local or not FileSystems.exists(target):
                raise
            self._delete(target)
            FileSystems.rename([source], [target])

    def _delete(self, path: str) -> None:
        if self.is_local:
            # Beam would take the path for a pattern.
            Path(path).unlink()
        else:
            FileSystems.delete([path])


def stop_writing() -> None:
    """No file is begun from now on in this process, where a runner's threads may be at work.

    Nothing can end a thread, and what one writes once the launcher has given up would be left.
    """
    _stopped.set()


def go_on_writing() -> None:
    """Undoes `stop_writing`."""
    _stopped.clear()


def writing_stopped() -> bool:
    """Whether it is."""
    return _stopped.is_set()


def _require_going_on() -> None:
    if writing_stopped():
        raise RuntimeError("the work was given up")


def _remote_listing(directory: str) -> list[str]:
    # What would be a pattern in the directory's name cannot be quoted.
    pattern = re.sub(r"[\[*?]", "?", directory) + "/*"
    try:
        (found,) = FileSystems.match([pattern])
    except BeamIOError:
        # Stores of objects have no missing directories; HDFS has.
        has_directories = FileSystems.get_filesystem(directory).has_dirs()
        if not has_directories or FileSystems.exists(directory):
            raise
        return []
    paths = (each.path.rpartition("/") for each in found.metadata_list)
    return [name for parent, _, name in paths if parent == directory]
