"""The small company in memory, made once for the laws of all files; no law changes a world, each makes another one."""

import pytest

from schemas.tables import FACTS
from tests.integration.small_company import small_company
from tests.laws.world import World, world_of


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Staged and with its dimensions; nothing by month."""
    return world_of(small_company(tmp_path_factory.mktemp("laws") / "company"))


@pytest.fixture(scope="session")
def facts(staged: World) -> World:
    """With facts and the dimension by month, as a run makes them."""
    return staged.build(only={*FACTS, "dim_account_month"})
