from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.sources.amazon_files import AmazonFiles
from sesrec_tf.errors import InputError


def directory_of(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).touch()
    return path


REVIEWS, METADATA = "reviews_Kindle_Store_5.json.gz", "meta_Kindle_Store.json.gz"


def test_finds_the_files(tmp_path: Path) -> None:
    files = AmazonFiles.find(directory_of(tmp_path, REVIEWS, METADATA))
    assert (files.reviews.name, files.metadata.name) == (REVIEWS, METADATA)
    assert not files.has_queries
    with pytest.raises(InputError, match=r"incomplete.*Received: neither.*--query-rule category"):
        files.query_files()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_finds_the_queries(tmp_path: Path, suffix: str) -> None:
    names = [f"query_text.txt{suffix}", f"train.qrels{suffix}", f"test.qrels{suffix}"]
    # The benchmark's own directories are named like a review file.
    (tmp_path / "reviews_Books_5.json.gz").mkdir()
    files = AmazonFiles.find(directory_of(tmp_path, REVIEWS, METADATA, *names))
    text, qrels = files.query_files()
    assert text.name == names[0]
    assert [path.name for path in qrels] == [names[2], names[1]]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([METADATA], r"exactly one file reviews_\*_5\.json\.gz\. Received: none"),
        ([REVIEWS], r"exactly one file meta_\*\.json\.gz\. Received: none"),
        ([REVIEWS, "reviews_Books_5.json.gz", METADATA], "Received: reviews_Books_5.json.gz, rev"),
        ([REVIEWS, "meta_Books.json.gz"], "different categories"),
        (
            [REVIEWS, METADATA, "query_text.txt", "query_text.txt.gz"],
            "exactly one file query_text.txt",
        ),
    ],
)
def test_refuses_other_numbers_of_files(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AmazonFiles.find(directory_of(tmp_path, *names))


def test_query_texts_alone_are_incomplete(tmp_path: Path) -> None:
    files = AmazonFiles.find(directory_of(tmp_path, REVIEWS, METADATA, "query_text.txt"))
    assert files.has_queries
    with pytest.raises(InputError, match=r"Received: query_text\.txt\."):
        files.query_files()


def test_refuses_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no directory"):
        AmazonFiles.find(tmp_path / "nowhere")
