"""Files of a table, on this machine or in another file system."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import IO, cast
from urllib.parse import unquote

import pyarrow as pa
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem

from sesrec_tf.errors import InputError

_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    """One file; nothing is open, so that it can be sent to other machines.

    Attributes:
        name: of the file with its directory or URL, for people.
        path: of the file within its file system.
        url: any place of that file system, or "" for this machine.
    """

    name: str
    path: str
    url: str = ""

    @property
    def packed(self) -> bool:
        """Whether the name says that the file is gzipped."""
        return self.path.endswith(".gz")

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """Its content from the start, gunzipped.

        Raises:
            OSError, EOFError, zlib.error: also later, where it cannot be read.
        """
        filesystem = _file_system(self.url)[0]
        with filesystem.open_input_stream(
            self.path, compression=None, buffer_size=_BUFFER_BYTES
        ) as file:
            if self.packed:
                with gzip.open(file) as content:
                    yield cast(IO[bytes], content)
            else:
                yield file

    @contextmanager
    def random_access(self) -> Iterator[pa.NativeFile]:
        """Its content, to be read in any order; of a gzipped file all of it is in memory.

        Raises:
            OSError, EOFError, zlib.error: where it cannot be read.
        """
        if self.packed:
            with self.stream() as content:
                yield pa.BufferReader(content.read())
        else:
            with _file_system(self.url)[0].open_input_file(self.path) as file:
                yield file


def find_files(place: str | os.PathLike[str], table: str) -> tuple[StoredFile, ...]:
    """The files of one table, sorted by name.

    Args:
        place: a file, a directory (all its files) or a pattern of either (`*`, `?` and `[…]` within
            a name); on this machine or as a URL that Arrow knows (`gs://`, `s3://`, `hdfs://`,
            `file://`; there `?` begins options). Of directories and patterns, names that begin
            with `_` or `.` are left out, as Hadoop and Spark do.
        table: its name, for messages.

    Raises:
        InputError: if there is no such file, or the file system cannot be reached.
    """
    text = os.fspath(place)
    try:
        files = _find(text)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{table}: cannot look up {text} ({error}). Expected a file, a directory or a pattern "
            "on this machine, or a URL (gs://, s3://, hdfs://, file://) that can be reached from "
            "here. Mend the name, or copy the files to this machine."
        ) from error
    if not files:
        raise InputError(f"{table}: there is no file {text}. Give an existing file.")
    return tuple(sorted(files, key=lambda file: file.path))


def _find(text: str) -> list[StoredFile]:
    address, options = text, ""
    if "://" in text:
        address, mark, options = text.partition("?")
        options = mark + options
    base, pattern = _split_pattern(address)
    url = base + options if "://" in text else ""
    filesystem, root = _file_system(url, base or ".")
    paths = [
        path
        for match in _matches(filesystem, root, pattern)
        for path in _files_of(filesystem, match)
    ]
    return [StoredFile(_name(base, path[len(root) :]), path, url) for path in paths]


def _name(base: str, below: str) -> str:
    joint = "/" if base and below and not base.endswith("/") else ""
    return base + joint + below.lstrip("/")


def _file_system(url: str, path: str = "") -> tuple[FileSystem, str]:
    if not url:
        return LocalFileSystem(), path
    return FileSystem.from_uri(url)


def _split_pattern(address: str) -> tuple[str, list[str]]:
    """The part before the first name with a wildcard, which ends in "/", and the names after."""
    remote = "://" in address
    if not remote and os.path.exists(address):
        return address, []
    names = address.split("/")
    wildcards = [place for place, name in enumerate(names) if _is_pattern(name)]
    if not wildcards:
        return address, []
    fixed = names[: wildcards[0]]
    rest = names[wildcards[0] :]
    return "".join(f"{name}/" for name in fixed), [
        unquote(each) if remote else each for each in rest
    ]


def _matches(filesystem: FileSystem, root: str, pattern: list[str]) -> list[FileInfo]:
    places = [root]
    for depth, name in enumerate(pattern):
        if depth:
            kinds = filesystem.get_file_info(places)
            places = [each.path for each in kinds if each.type == FileType.Directory]
        if _is_pattern(name):
            found = [each for place in places for each in _visible(filesystem, place, name)]
            places = [each.path for each in found if fnmatchcase(each.base_name, name)]
        else:
            places = [f"{place.rstrip('/')}/{name}" for place in places]
    found = filesystem.get_file_info(places)
    return [each for each in found if each.type != FileType.NotFound]


def _files_of(filesystem: FileSystem, match: FileInfo) -> list[str]:
    if match.type != FileType.Directory:
        return [match.path]
    inside = _visible(filesystem, match.path)
    nested = [each.path for each in inside if each.type == FileType.Directory]
    if nested:
        raise InputError(
            f"{match.path} holds a directory, {nested[0]}. Expected files alone. Name the files by "
            "a pattern (`DIR/*/*.parquet`)."
        )
    return [each.path for each in inside]


def _visible(filesystem: FileSystem, directory: str, pattern: str = "") -> list[FileInfo]:
    hidden = () if pattern.startswith(("_", ".")) else ("_", ".")
    inside = filesystem.get_file_info(FileSelector(directory, allow_not_found=True))
    return [each for each in inside if not each.base_name.startswith(hidden)]


def _is_pattern(name: str) -> bool:
    return re.search(r"[*?[]", name) is not None
