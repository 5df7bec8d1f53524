"""What the doctor says of files whose own columns show that they are somebody else's than the config says."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.commands.doctor import doctor
from pipelines.ingest.sources import sent_files
from pipelines.ingest.whose import somebody_elses
from tests.pipelines.test_beginnings import project
from tests.vendors import freshdesk_files, zendesk_files
from tests.vendors.one_source import ingested

CUSTOMER = {"id": "cus_1", "name": "Acme", "email": "a@acme.example", "created": 1768471200}


def said(folder, name, content, form, written_by):
    company = project(folder, name, content, {"form": form, "written_by": written_by, "folder": "sent"})
    return list(somebody_elses(company, sent_files(company)))


def by_airbyte(row):
    return {"_airbyte_raw_id": "x", "_airbyte_extracted_at": 1780272000000, "_airbyte_data": row}


def text(row):
    sink = io.StringIO()
    table = csv.DictWriter(sink, list(row))
    table.writeheader()
    table.writerow(row)
    return sink.getvalue()


def parquet(row):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), sink)
    return sink.getvalue()


class TestAnotherVendor:
    @pytest.mark.parametrize("writer", ["api", "airbyte"])
    def test_freshdesks_tickets_are_no_zendesks(self, writer, tmp_path):
        wrapped = by_airbyte if writer == "airbyte" else dict
        content = zendesk_files.lines(wrapped(freshdesk_files.ticket()))
        ((is_well, told),) = said(tmp_path / "a", "tickets.jsonl", content, "zendesk", writer)
        assert not is_well
        assert told.startswith("sent/tickets.jsonl: its columns are those of freshdesk, which knows all that zendesk")
        assert told.endswith("say `form: freshdesk` for this source")
        assert said(tmp_path / "b", "tickets.jsonl", content, "freshdesk", writer) == []

    @pytest.mark.parametrize("writer", ["api", "airbyte"])
    def test_zendesks_tickets_are_no_freshdesks(self, writer, tmp_path):
        wrapped = by_airbyte if writer == "airbyte" else dict
        content = zendesk_files.lines(wrapped(zendesk_files.ticket()))
        ((is_well, told),) = said(tmp_path / "a", "tickets.jsonl", content, "freshdesk", writer)
        assert not is_well and told.endswith("say `form: zendesk` for this source")
        assert said(tmp_path / "b", "tickets.jsonl", content, "zendesk", writer) == []

    def test_columns_that_both_know_prove_nothing(self, tmp_path):
        both = {"id": 1, "status": "open", "created_at": "2026-03-02T09:00:00Z", "type": "Problem", "source": 1}
        for form in ("zendesk", "freshdesk"):
            assert said(tmp_path / form, "tickets.jsonl", zendesk_files.lines(both), form, "api") == []

    def test_the_doctor_calls_them_wrong(self, tmp_path):
        content = zendesk_files.lines(freshdesk_files.ticket())
        company = project(
            tmp_path, "tickets.jsonl", content, {"form": "zendesk", "written_by": "api", "folder": "sent"}
        )
        lines, is_well = doctor(company)
        assert not is_well
        assert [line.partition(": ")[0] for line in lines if "form: freshdesk" in line] == [
            "WRONG sources   sent/tickets.jsonl"
        ]


class TestAnotherWriter:
    @pytest.mark.parametrize(("writer", "signs"), [("airbyte", "_airbyte_emitted_at"), ("dlt", "_dlt_id")])
    def test_objects_of_the_api_are_none_that_a_connector_wrote(self, writer, signs, tmp_path):
        name = {"airbyte": "customers.jsonl", "dlt": "customer.jsonl"}[writer]
        ((is_well, told),) = said(tmp_path, name, json.dumps(CUSTOMER) + "\n", "stripe", writer)
        assert is_well, "somebody may have taken them out"
        assert told.startswith(f"it: no file has a column that {writer} writes beside each row (")
        assert signs in told and f"{writer} did not write these files" in told

    def test_the_writer_is_named_that_calls_files_so(self, tmp_path):
        ((_, told),) = said(tmp_path, "customers.jsonl", json.dumps(CUSTOMER) + "\n", "stripe", "airbyte")
        assert told.endswith("did not write these files: say `written_by: api` for this source")

    def test_a_table_from_which_somebody_took_a_writers_columns_is_told_and_read(self, tmp_path):
        files = {"customer.csv": text(CUSTOMER)}
        source = {"form": "stripe", "written_by": "fivetran"}
        ((is_well, told),) = said(tmp_path / "a", "customer.csv", files["customer.csv"], "stripe", "fivetran")
        assert is_well and "_fivetran_synced" in told
        found = ingested(
            tmp_path / "b", {"customer.csv": text({**CUSTOMER, "created": "2026-01-15 10:00:00"})}, source, ["accounts"]
        )
        assert found.values("accounts", "account_id") == [("cus_1",)]

    @pytest.mark.parametrize(
        ("writer", "name", "content"),
        [
            ("airbyte", "customers.jsonl", json.dumps(by_airbyte(CUSTOMER))),
            ("airbyte", "customers.jsonl", json.dumps({**CUSTOMER, "_airbyte_raw_id": "x", "_airbyte_meta": {}})),
            ("airbyte", "customers.jsonl", json.dumps({"_airbyte_emitted_at": 1, "_airbyte_data": CUSTOMER})),
            ("airbyte", "customers.jsonl", json.dumps({"stream": "customers", "data": CUSTOMER, "emitted_at": 1})),
            ("airbyte", "customers.jsonl", json.dumps({"record": {"data": CUSTOMER, "emitted_at": 1}})),
            ("airbyte", "customers.csv", text({**CUSTOMER, "_airbyte_extracted_at": "2026-06-01 00:00:00"})),
            ("airbyte", "customers.parquet", parquet({**CUSTOMER, "_airbyte_extracted_at": 1780272000000})),
            ("airbyte", "customers.parquet", parquet(by_airbyte(json.dumps(CUSTOMER)))),
            ("dlt", "customer/1.0.jsonl", json.dumps({**CUSTOMER, "_dlt_id": "a"})),
            ("dlt", "customer/1.0.parquet", parquet({**CUSTOMER, "_dlt_load_id": "1.5"})),
            ("fivetran", "customer.csv", text({**CUSTOMER, "_FIVETRAN_SYNCED": "2026-06-01 00:00:00"})),
            ("fivetran", "customer.csv", "\ufeff" + text({"_fivetran_synced": "2026-06-01 00:00:00", **CUSTOMER})),
            ("api", "customers.jsonl", json.dumps(CUSTOMER)),
            ("api", "customers.json", json.dumps({"object": "list", "data": [CUSTOMER]})),
        ],
    )  # fmt: skip
    def test_what_has_any_of_a_writers_columns_is_its(self, writer, name, content, tmp_path):
        assert said(tmp_path, name, content, "stripe", writer) == []

    def test_parts_that_are_all_empty_show_nothing(self, tmp_path):
        assert said(tmp_path, "customers.jsonl", "\n", "stripe", "airbyte") == []

    def test_one_file_with_them_is_enough(self, tmp_path):
        company = project(
            tmp_path,
            "customers/1.jsonl",
            json.dumps(CUSTOMER),
            {"form": "stripe", "written_by": "airbyte", "folder": "sent"},
        )
        (tmp_path / "sent" / "customers" / "2.jsonl").write_text(json.dumps(by_airbyte(CUSTOMER)))
        assert list(somebody_elses(company, sent_files(company))) == []
