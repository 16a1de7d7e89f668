"""Apache Arrow, whose file system is the AWS SDK for C++."""

from __future__ import annotations

from typing import Any

import pytest

from pileus.testing.account import Account
from tests.services.s3.conftest import fresh

pytest.importorskip("pyarrow", reason="Apache Arrow is not installed")
import pyarrow as pa
from pyarrow import csv, dataset, fs, parquet


@pytest.fixture
def files(aws: Account) -> Any:
    host = aws.cloud.endpoint.partition("://")[2]
    options = {"access_key": aws.id, "secret_key": "test", "region": "us-east-1", "scheme": "http"}
    return fs.S3FileSystem(endpoint_override=host, allow_bucket_creation=True, allow_bucket_deletion=True, **options)


@pytest.fixture
def bucket(files: Any) -> str:
    name = fresh()
    files.create_dir(name)
    return name


def test_files_and_folders(files: Any, bucket: str) -> None:
    with files.open_output_stream(f"{bucket}/dir/file.txt", metadata={"Content-Type": "text/plain"}) as out:
        out.write(b"hello, ")
        out.write(b"arrow")
    with files.open_input_file(f"{bucket}/dir/file.txt") as file:
        file.seek(7)
        assert (file.read(), file.size()) == (b"arrow", 12)
    info = files.get_file_info([f"{bucket}/dir/file.txt", f"{bucket}/dir", f"{bucket}/none"])
    assert [each.type for each in info] == [fs.FileType.File, fs.FileType.Directory, fs.FileType.NotFound]
    files.copy_file(f"{bucket}/dir/file.txt", f"{bucket}/copy.txt")
    files.move(f"{bucket}/copy.txt", f"{bucket}/moved.txt")
    listed = files.get_file_info(fs.FileSelector(bucket, recursive=True))
    assert {each.path.partition("/")[2] for each in listed if each.is_file} == {"dir/file.txt", "moved.txt"}
    files.delete_dir_contents(bucket)
    assert [each for each in files.get_file_info(fs.FileSelector(bucket, recursive=True)) if each.is_file] == []
    files.delete_dir(bucket)


def test_large_files_go_in_parts(files: Any, bucket: str) -> None:
    piece = bytes(range(256)) * 4096
    with files.open_output_stream(f"{bucket}/large") as out:
        for _ in range(25):
            out.write(piece)
    with files.open_input_file(f"{bucket}/large") as file:
        assert file.size() == 25 * len(piece)
        assert file.read_at(300, 24 * len(piece)) == piece[:300]


def test_datasets_of_parquet(files: Any, bucket: str) -> None:
    table = pa.table({"year": [2024, 2024, 2025], "name": ["a", "b", "c"], "value": [1.5, 2.5, 3.5]})
    parquet.write_to_dataset(table, f"{bucket}/data", partition_cols=["year"], filesystem=files)
    found = dataset.dataset(f"{bucket}/data", filesystem=files, format="parquet", partitioning="hive")
    rows = found.to_table(filter=dataset.field("year") == 2024, columns=["name", "value"]).to_pydict()
    assert rows == {"name": ["a", "b"], "value": [1.5, 2.5]}
    with files.open_output_stream(f"{bucket}/rows.csv") as out:
        csv.write_csv(table, out)
    with files.open_input_stream(f"{bucket}/rows.csv") as stream:
        assert csv.read_csv(stream)["value"].to_pylist() == [1.5, 2.5, 3.5]


def test_what_is_not_there(files: Any, bucket: str) -> None:
    with pytest.raises(FileNotFoundError):
        files.open_input_file(f"{bucket}/none")
    with pytest.raises(OSError, match=r"(?i)bucket"):
        files.open_output_stream(f"{fresh()}/k").close()
