"""File systems of Beam in memory: an object store, and one with the habits of HDFS."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator
from typing import Any, BinaryIO

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem


class ObjectStore(FileSystem):
    """`shelf://`: names and bytes, no directories; like GCS and S3."""

    objects: dict[str, bytes] = {}  # noqa: RUF012

    @classmethod
    def scheme(cls) -> str:
        return "shelf"

    def join(self, basepath: str, *paths: str) -> str:
        return posixpath.join(basepath, *paths)

    def split(self, path: str) -> tuple[str, str]:
        return posixpath.split(path)

    def mkdirs(self, path: str) -> None:
        raise AssertionError("an object store has no directories")

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for name, data in sorted(self.objects.items()):
            if name.startswith(dir_or_prefix):
                yield FileMetadata(name, len(data))

    def create(self, path: str, mime_type: str = "", compression_type: Any = None) -> BinaryIO:
        return _Writer(self.objects, path)

    def open(self, path: str, mime_type: str = "", compression_type: Any = None) -> BinaryIO:
        if path not in self.objects:
            raise BeamIOError(f"no object {path}")
        return io.BytesIO(self.objects[path])

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            self.objects[target] = self.objects[source]

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        self.copy(source_file_names, destination_file_names)
        for source in source_file_names:
            del self.objects[source]

    def exists(self, path: str) -> bool:
        return path in self.objects

    def size(self, path: str) -> int:
        return len(self.objects[path])

    def last_updated(self, path: str) -> float:
        raise NotImplementedError

    def checksum(self, path: str) -> str:
        raise NotImplementedError

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path))

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            whole = path.endswith("/")
            for name in list(self.objects):
                if name == path or (whole and name.startswith(path)):
                    del self.objects[name]


class StrictDirectories(ObjectStore):
    """`strict://`: a missing directory cannot be listed, and a rename replaces nothing."""

    objects: dict[str, bytes] = {}  # noqa: RUF012

    @classmethod
    def scheme(cls) -> str:
        return "strict"

    def has_dirs(self) -> bool:
        return True

    def exists(self, path: str) -> bool:
        return any(name == path or name.startswith(f"{path}/") for name in self.objects)

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        if not self.exists(dir_or_prefix):
            raise BeamIOError(f"no directory {dir_or_prefix}")
        return super()._list(dir_or_prefix + "/")

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for target in destination_file_names:
            if target in self.objects:
                raise BeamIOError(f"{target} is there")
        super().rename(source_file_names, destination_file_names)


class _Writer(io.BytesIO):
    """Bytes that become an object when closed, whatever happened before."""

    def __init__(self, objects: dict[str, bytes], path: str) -> None:
        super().__init__()
        self._objects = objects
        self._path = path

    def close(self) -> None:
        if not self.closed:
            self._objects[self._path] = self.getvalue()
        super().close()
