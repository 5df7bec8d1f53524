"""Runs of `make run` are listed under their jobs in Dagster's UI, however that was started."""

import tomllib

import dagster as dg
import pytest
from dagster._core.workspace.load import location_origins_from_yaml_paths

from pipelines.orchestration.origin import MODULE, name_origins, origin_of
from tests.integration.small_company import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
LISTED = {".dagster/repository": "__repository__@pipelines.definitions"}
"""By this tag the UI asks for the runs of a job."""


def test_the_location_is_the_one_that_workspace_yaml_and_dg_load() -> None:
    named = origin_of("months").location_name
    (loaded,) = location_origins_from_yaml_paths([str(ROOT / "workspace.yaml")])
    assert loaded.location_name == named
    assert loaded.loadable_target_origin.module_name == MODULE
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert project["code_location_name"] == named
    assert project["code_location_target_module"] == MODULE


def test_a_run_of_this_process_is_listed_under_its_job() -> None:
    @dg.asset
    def fact() -> None:
        pass

    @dg.asset
    def other() -> None:
        pass

    definitions = dg.Definitions(assets=[fact, other], jobs=[dg.define_asset_job("months", "*")])
    job = definitions.resolve_job_def("months")
    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(instance=instance)
        assert instance.get_runs(dg.RunsFilter(job_name="months", tags=LISTED)) == []
        name_origins(instance)
        named = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("fact")])
        (listed,) = instance.get_runs(dg.RunsFilter(job_name="months", tags=LISTED))
        assert listed.run_id == named.run_id
        assert listed.remote_job_origin == origin_of("months")
        assert listed.asset_selection == {dg.AssetKey("fact")}
