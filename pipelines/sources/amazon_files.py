"""The files of the Amazon 2014 reviews in a directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sesrec_tf.errors import InputError

REVIEWS = "reviews_*_5.json.gz"
METADATA = "meta_*.json.gz"
QUERY_TEXT = "query_text.txt"
QRELS = "*.qrels"


@dataclass(frozen=True)
class AmazonFiles:
    """One category of products.

    Attributes:
        reviews: `reviews_<category>_5.json.gz`.
        metadata: `meta_<category>.json.gz`.
        query_text: `query_text.txt` or `query_text.txt.gz` of the product search benchmark.
        qrels: its relevance judgements, `*.qrels` or `*.qrels.gz`, by name.
    """

    reviews: Path
    metadata: Path
    query_text: Path | None
    qrels: tuple[Path, ...]

    @classmethod
    def find(cls, directory: Path) -> AmazonFiles:
        """Looks for the files by name.

        Raises:
            InputError: unless there is one review file and one metadata file of the same
                category, and at most one `query_text`.
        """
        if not directory.is_dir():
            raise InputError(f"there is no directory {directory}. Give one that exists.")
        reviews = _one(directory, REVIEWS)
        metadata = _one(directory, METADATA)
        if _category(reviews, REVIEWS) != _category(metadata, METADATA):
            raise InputError(
                f"{reviews.name} and {metadata.name} are of different categories. Expected both "
                f"of one category in {directory}. Download the file that is missing."
            )
        texts = _found(directory, QUERY_TEXT)
        if len(texts) > 1:
            raise _wrong_number(directory, QUERY_TEXT, texts)
        return cls(
            reviews=reviews,
            metadata=metadata,
            query_text=texts[0] if texts else None,
            qrels=tuple(_found(directory, QRELS)),
        )

    @property
    def has_queries(self) -> bool:
        """Whether any file of the product search benchmark is there."""
        return self.query_text is not None or bool(self.qrels)

    def query_files(self) -> tuple[Path, tuple[Path, ...]]:
        """The query texts and the relevance judgements.

        Raises:
            InputError: if either is missing.
        """
        if self.query_text is None or not self.qrels:
            found = [path.name for path in (self.query_text, *self.qrels) if path is not None]
            raise InputError(
                f"the queries in {self.reviews.parent} are incomplete. Expected {QUERY_TEXT} and "
                f"{QRELS}, each plain or .gz. Received: {', '.join(found) or 'neither'}. Add what "
                "is missing, or choose `--query-rule category`."
            )
        return self.query_text, self.qrels


def _one(directory: Path, pattern: str) -> Path:
    found = [path for path in sorted(directory.glob(pattern)) if path.is_file()]
    if len(found) != 1:
        raise _wrong_number(directory, pattern, found)
    return found[0]


def _found(directory: Path, pattern: str) -> list[Path]:
    found = [*directory.glob(pattern), *directory.glob(pattern + ".gz")]
    return sorted(path for path in found if path.is_file())


def _category(path: Path, pattern: str) -> str:
    before, _, after = pattern.partition("*")
    return path.name.removeprefix(before).removesuffix(after)


def _wrong_number(directory: Path, pattern: str, found: list[Path]) -> InputError:
    names = ", ".join(path.name for path in found) or "none"
    return InputError(
        f"{directory} should hold exactly one file {pattern}. Received: {names}. Give every "
        "category a directory of its own."
    )
