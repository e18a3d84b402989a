"""Tables of overrides: CSV and Parquet say the same, and every fault has its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import InputError
from optimizer.load.tables_of_overrides import OverrideRow, read_override_rows

PEAK = "services.0.demand.peak_concurrency"


def read(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> list[OverrideRow]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_override_rows(path, "desk")


def faults(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> list[str]:
    with pytest.raises(InputError) as error:
        read(tmp_path, text, name)
    return [str(fault).removeprefix(f"{tmp_path / name}: ") for fault in error.value.faults]


def test_cells_are_assignments_and_empty_ones_are_not(tmp_path: Path) -> None:
    found = read(tmp_path, f'name,{PEAK},services.0.precisions\na, 10 ,"[bf16, fp8]"\n\nb,,\n')
    assert found == [OverrideRow("a", (f"{PEAK}=10", "services.0.precisions=[bf16, fp8]")), OverrideRow("b", ())]


def test_rows_without_a_name_are_numbered(tmp_path: Path) -> None:
    rows = "".join(f"{number}\n" for number in range(10))
    assert [one.name for one in read(tmp_path, f"{PEAK}\n{rows}")] == [f"desk-{n:02d}" for n in range(1, 11)]
    assert [one.name for one in read(tmp_path, f"{PEAK},name\n1,x\n2,\n")] == ["x", "desk-2"]


def test_excel_writes_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path, f"\ufeff{PEAK}\r\n7\r\n") == [OverrideRow("desk-1", (f"{PEAK}=7",))]


@pytest.mark.parametrize(("text", "said"), [
    ("", ["line 1: found no header; allowed: a header line, then the rows"]),
    (f"{PEAK}\n", ["found a header and no rows; allowed: a row for each variant"]),
    ("name\nx\n", ["found no column with a key; allowed: dotted keys as columns: services.0.slo.grade"]),
    ("a,b\n1\n1,2\n1,2,3\n", ["line 2: found 1 cells; allowed: 2 cells, as in the header",
                              "line 4: found 3 cells; allowed: 2 cells, as in the header"]),
    ("a,a,\n1,2,3\n", ["line 1: found the column '' twice or unnamed; allowed: each column once",
                       "line 1: found the column 'a' twice or unnamed; allowed: each column once"]),
    ("a;b\n1;2\n", ["line 1: found cells parted by ';'; allowed: cells parted by commas"]),
    ('a,b\n1,"2\n', ["line 2: found a quote that is never closed; allowed: cells with a comma, quote or line break in "
                     "double quotes, quotes inside doubled"]),
    ('name,a\nx,1\n\ny,"1\n2"\nx,3\n', ["line 6: found name 'x' again (also line 2); allowed: distinct names"]),
    ("name,a\ndesk-2,1\n,2\n", ["line 3: found name 'desk-2' again (also line 2); allowed: distinct names"]),
    ("name,a\nä,1\n".encode("latin-1"),
     ["line 2: found the byte 0xe4, which is not UTF-8; allowed: UTF-8 text (in Excel: save as 'CSV UTF-8')"]),
    ("a,b\n1,2\n".encode("utf-16"), ["line 1: found UTF-16 text; allowed: UTF-8 text (in Excel: save as 'CSV UTF-8')"]),
])
def test_faults(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    assert faults(tmp_path, text) == said


def test_a_long_list_of_faults_is_cut_and_counted(tmp_path: Path) -> None:
    found = faults(tmp_path, "a,b\n" + "1\n" * 50)
    assert len(found) == 21
    assert found[-1].startswith("found 30 more faults")


def test_no_such_file(tmp_path: Path) -> None:
    for name in ("gone.csv", "gone.parquet"):
        with pytest.raises(InputError, match="no such file"):
            read_override_rows(tmp_path / name, "desk")


def test_parquet_says_what_csv_says(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs gpumix[batch]")
    import pandas as pd

    frame = pd.DataFrame({
        "name": ["a", "b", "c"], PEAK: [10, None, 20], "services.0.slo.grade": ["A", "B", None],
        "services.0.precisions": [["bf16"], None, ["bf16", "fp8"]], "limits.survive.provider": [True, False, None],
        "services.0.headroom_fraction": [0.25, 0.5, float("inf")],
    })
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_override_rows(tmp_path / "t.parquet", "desk") == read(tmp_path, (
        f"name,{PEAK},services.0.slo.grade,services.0.precisions,limits.survive.provider,services.0.headroom_fraction\n"
        'a,10,A,"[""bf16""]",true,0.25\nb,,B,,false,0.5\nc,20,,"[""bf16"", ""fp8""]",,inf\n'
    ))


def test_parquet_faults(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs gpumix[batch]")
    import pandas as pd

    assert faults(tmp_path, "a,b\n1,2\n", "t.parquet")[0].startswith("found no Parquet file (")
    pd.DataFrame({"name": ["a", "a"], "x": [1, 2]}).to_parquet(tmp_path / "twice.parquet")
    with pytest.raises(InputError, match="row 2: found name 'a' again"):
        read_override_rows(tmp_path / "twice.parquet", "desk")
    pd.DataFrame({"x": []}).to_parquet(tmp_path / "empty.parquet")
    with pytest.raises(InputError, match="a header and no rows"):
        read_override_rows(tmp_path / "empty.parquet", "desk")
