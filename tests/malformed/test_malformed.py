"""Every wrong input ends in a sentence: what is wrong, where, and how to go on; in bounded time and memory."""

import resource
import shutil
import time
from collections.abc import Callable, Iterator

import pytest

from pipelines.commands.command_line import main
from pipelines.orchestration.location import definitions
from pipelines.publish.limits import refuse_emptied, refuse_rejected
from schemas.operations import ExportFile, Quarantine
from tests.integration.small_company import ONE_MONTH, ROOT, SmallCompany, exports, small_company
from tests.malformed.__main__ import table
from tests.malformed.inputs import COMMANDS, CONFIGS, FILES, MARK, NAMES, ROWS
from tests.malformed.kinds import GOES_ON, Malformed
from tests.ways_of_reading import AS_IT_IS, ROW_BY_ROW, WAYS, go

SECONDS, KILOBYTES = 5, 300_000
"""Of the processor, and of memory beyond what was taken before."""
pytestmark = [
    # Dagster's own; the definitions say which of its features are used while they are marked so.
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
Command = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """A company of which a copy is spoilt for each input."""
    company = small_company(tmp_path_factory.mktemp("malformed") / "company", **ONE_MONTH)
    definitions(company.project())  # Dagster and our code are loaded once, which takes as long whatever is given
    return company


@pytest.fixture
def company(made_once: SmallCompany) -> Iterator[SmallCompany]:
    """The company; what an input spoils is put back, but for what the runs made in its data folder."""
    kept = made_once.folder.with_name("kept")
    shutil.copytree(made_once.folder, kept, ignore=shutil.ignore_patterns("data"))
    yield made_once
    if made_once.data.is_dir():
        made_once.data.rename(kept / "data")
    else:
        (made_once.folder / "moved").rename(kept / "data")
    shutil.rmtree(made_once.folder)
    kept.rename(made_once.folder)


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process: its exit status, and all that it told."""

    def run(company: SmallCompany, *arguments: str, **variables: str) -> tuple[int, str]:
        for name, value in {"CONFIG": str(company.config), "DATA_DIR": str(company.data), **variables}.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        status = main(arguments, time.perf_counter())
        told = capfd.readouterr()
        return status, told.out + told.err

    return run


@pytest.mark.parametrize(
    ("given", "way"),
    [
        *((given, AS_IT_IS) for given in (*CONFIGS, *NAMES, *FILES, *COMMANDS)),
        *((given, ROW_BY_ROW) for given in FILES),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_wrong_input_is_told_in_a_sentence(
    company: SmallCompany, tell: Command, given: Malformed, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(way, monkeypatch)
    given.give(company)
    began, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, said = tell(company, *given.command, **given.environment)
    took = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert status == 1
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    assert given.told in errors[0]
    assert GOES_ON.search(errors[0]), errors[0]
    assert "Traceback" not in said and 'File "' not in said
    assert MARK not in said, "what a config or a file holds may be a person's"
    assert took[0] < SECONDS and took[1] < KILOBYTES, took
    assert not (company.data / "published").exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_row_is_quarantined_with_its_reason_and_the_others_count(
    company: SmallCompany, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Months are made of what is loaded; so a run over it is like any other (that it ends well, the whole job says)."""
    go(way, monkeypatch)
    tables = list(dict.fromkeys(one.table for one in ROWS))
    for name in tables:
        rows = exports()[name]
        bad = [{**rows[-1], **_key(name, one.name), **one.values} for one in ROWS if one.table == name]
        company.export(name, [*bad, *rows])
    company.configure(**ONE_MONTH, quarantine_limit={"default": 0.99})
    company.ingest()
    project = company.project()
    found, files = (project.database.read(contract.table()) for contract in (Quarantine, ExportFile))
    loaded = dict(files.select("table_name", "rows_loaded").iter_rows())
    for name in tables:
        assert loaded[name] == len(exports()[name])
        expected = [one for one in ROWS if one.table == name]
        quarantined = found.filter(found["table_name"] == name).sort("line")
        told = list(quarantined.select("line", "column_name", "reason").iter_rows())
        assert len(told) == len(expected)
        for line, ((at, column, reason), one) in enumerate(zip(told, expected, strict=True), start=2):
            assert (at, column) == (line, one.column) and one.told in reason, one.name
    # Nothing of it stands in the way of a publish.
    refuse_rejected(files, found, project.config.quarantine_limit)
    refuse_emptied(project)


def _key(name: str, value: str) -> dict[str, str]:
    keys = {
        "tickets": "ticket_id",
        "usage_events": "event_id",
        "survey_responses": "response_id",
        "invoices": "invoice_id",
    }
    return {keys[name]: value} if name in keys else {}


def test_the_table_in_the_docs_is_that_of_the_inputs() -> None:
    written = (ROOT / "docs" / "malformed.md").read_text(encoding="utf-8")
    assert written == table() + "\n", "stale: make docs"


def test_no_input_stands_twice() -> None:
    names = [one.name for one in (*CONFIGS, *NAMES, *FILES, *COMMANDS, *ROWS)]
    assert len(names) == len(set(names))
