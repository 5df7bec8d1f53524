"""Who wrote a file is held against what the config says, and what the files themselves tell."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pytest
import yaml

from pipelines.commands.doctor import doctor
from pipelines.project import Project
from tests.integration.small_company import SmallCompany
from tests.vendors.one_source import SETTINGS, ingested
from warehouse.errors import ConfigError, ExportError

PRODUCT = {"id": "cus_1", "name": "Acme", "created": 1768471200}


def customers(written_by: str, files, tmp_path):
    return ingested(tmp_path, files, {"form": "stripe", "written_by": written_by}, ["accounts"])


@pytest.mark.parametrize(
    ("said", "file", "content", "told"),
    [
        (
            "api",
            "customers/1.jsonl",
            {"_airbyte_raw_id": "x", "_airbyte_extracted_at": 1, "_airbyte_data": PRODUCT},
            "its column _airbyte_extracted_at tells that airbyte wrote it, and not api; say `written_by: airbyte`",
        ),
        (
            "airbyte",
            "customers/1.jsonl",
            {**PRODUCT, "_dlt_load_id": "1.5", "_dlt_id": "a"},
            "its column _dlt_load_id tells that dlt wrote it, and not airbyte; say `written_by: dlt`",
        ),
        ("fivetran", "customer/1.jsonl", {**PRODUCT, "_dlt_load_id": "1.5", "_dlt_id": "a"}, "say `written_by: dlt`"),
    ],
)
def test_files_of_another_writer_are_refused_and_theirs_is_named(said, file, content, told, tmp_path):
    with pytest.raises(ExportError) as refused:
        customers(said, {file: json.dumps(content) + "\n"}, tmp_path)
    assert told in str(refused.value)
    assert file in str(refused.value)


def test_a_file_that_lacks_a_column_and_every_sign_of_its_writer_makes_one_wonder_who_wrote_it(tmp_path):
    with pytest.raises(ExportError) as refused:
        customers("fivetran", {"customer.csv": "Customer,Name\ncus_1,Acme\n"}, tmp_path)
    assert "sent/customer.csv: the column id is missing; found Name; nor has it one" in str(refused.value)
    assert "what people download is `written_by: dashboard`" in str(refused.value)


@pytest.mark.parametrize(
    ("said", "file", "content", "told"),
    [
        (
            "api",
            "customers.jsonl",
            json.dumps({"_airbyte_raw_id": "x", "_airbyte_extracted_at": 1, "_airbyte_data": PRODUCT}) + "\n",
            "sent/customers.jsonl: its column _airbyte_extracted_at tells that airbyte wrote it, and not api; say "
            "`written_by: airbyte`",
        ),
        (
            "dashboard",
            "customers.csv",
            "Customer,Name\ncus_1,Acme\n",
            "sent/customers.csv: the column id is missing; found Name",
        ),
    ],
)
def test_the_doctor_refuses_what_a_run_would_refuse_at_a_files_beginning(said, file, content, told, tmp_path):
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / file).write_text(content)
    company = SmallCompany(tmp_path)
    sources = {"it": {"folder": "sent", "form": "stripe", "written_by": said}}
    company.config.write_text(yaml.safe_dump({**SETTINGS, "sources": sources}))
    lines, is_well = doctor(company.project())
    wrong = [line for line in lines if line.startswith("WRONG sources")]
    assert not is_well
    assert len(wrong) == 1
    assert told in wrong[0]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"form": "stripe"}, "sources.it.written_by: expected who wrote the files: one of fivetran, airbyte, dlt, api"),
        ({"form": "stripe", "written_by": "hand"}, "sources.it.written_by: expected who wrote the files: one of"),
        ({"form": "canonical", "written_by": "api"}, "sources.it.written_by: only files of a vendor are written by"),
        (
            {"form": "strype"},
            "sources.it.form: there is no such form; expected one of canonical, mapped, ravenstack",
        ),
    ],
)
def test_a_config_that_names_no_form_writer_or_option_is_told_what_there_is(source, told, tmp_path):
    with pytest.raises(ConfigError) as refused:
        ingested(tmp_path, {"accounts.csv": "account_id\nA1\n"}, source, ["accounts"])
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"form": "stripe", "written_by": "api", "options": {"amount": 1}}, "sources.it.options.amount: Extra inputs"),
        ({"form": "canonical", "options": {"amount_is": "line"}}, "sources.it.options: files of canonical have none"),
    ],
)
def test_an_option_that_the_vendor_does_not_have_is_told_before_anything_is_read(source, told, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump({**SETTINGS, "sources": {"it": source}}))
    with pytest.raises(ConfigError) as refused:
        Project(config, tmp_path / "data").check()
    assert told in str(refused.value)


def test_a_folder_without_a_file_of_the_vendor_is_told_with_what_is_expected(tmp_path):
    with pytest.raises(ExportError, match="sent holds no file that stripe written by api is; expected some of sub"):
        customers("api", {"tickets.csv": "id\n1\n"}, tmp_path)


def test_files_called_as_another_writer_calls_them_are_told_with_that_writer(tmp_path):
    files = {"subscription_history.csv": "id\ns_1\n", "price.csv": "id\np_1\n"}
    with pytest.raises(ExportError, match=r"by their names these files are of `written_by: fivetran`$"):
        customers("airbyte", files, tmp_path)


class TestPackedFiles:
    LINES = (json.dumps(PRODUCT) + "\n").encode()

    def zipped(self, **files):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name.replace("_", "."), content)
            archive.writestr("__MACOSX/._x", "junk")
        return packed.getvalue()

    @pytest.mark.parametrize("name", ["customers.jsonl.gz", "customers.jsonl"])
    def test_gzip_is_known_by_what_it_holds_and_not_by_its_name(self, name, tmp_path):
        found = customers("api", {name: gzip.compress(self.LINES)}, tmp_path)
        assert found.values("accounts", "account_id", "account_name") == [("cus_1", "Acme")]

    def test_zstd_is_read(self, tmp_path):
        packed = tmp_path / "packed"
        with pa.CompressedOutputStream(str(packed), "zstd") as out:
            out.write(self.LINES)
        found = customers("api", {"customers.jsonl.zst": packed.read_bytes()}, tmp_path)
        assert found.values("accounts", "account_id") == [("cus_1",)]

    def test_an_archive_of_one_file_is_that_file_and_one_of_several_is_the_files_in_it(self, tmp_path):
        one = self.zipped(customers_jsonl=self.LINES)
        assert customers("api", {"customers.zip": one}, tmp_path / "one").values("accounts", "account_id") == [
            ("cus_1",)
        ]
        two = self.zipped(customers_jsonl=self.LINES, b_jsonl=b"no export")
        assert customers("api", {"customers.zip": two}, tmp_path / "two").values("accounts", "account_id") == [
            ("cus_1",)
        ]
        neither = self.zipped(a_jsonl=self.LINES, b_jsonl=self.LINES)
        with pytest.raises(
            ExportError, match=r"none of which is called as a file of this source; expected some of sub"
        ):
            customers("api", {"customers.zip": neither}, tmp_path / "neither")
