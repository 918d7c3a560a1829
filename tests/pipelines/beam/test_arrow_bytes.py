from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.beam.arrow_bytes import from_bytes, to_bytes

TABLE = pa.table({"id": ["a", "ü", None], "clicks": [[1], [], None]})


@pytest.mark.parametrize(
    "table", [TABLE, TABLE.slice(1, 1), TABLE.slice(0, 0), pa.concat_tables([TABLE, TABLE])]
)
def test_a_table_is_read_back_with_its_metadata(table: pa.Table) -> None:
    table = table.replace_schema_metadata({"read": "7"})
    found = from_bytes(to_bytes(table))
    assert found.equals(table, check_metadata=True)
