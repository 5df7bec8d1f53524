"""A company of thousands of customers, on as many threads as a user has: what comes out is known."""

import json
import subprocess
import sys

from benchmarks.generated_company import GeneratedCompany
from tests.cores import as_a_user
from tests.integration.small_company import ROOT


def test_mrr_of_a_large_company_is_what_its_items_add_up_to(times, counted, tmp_path):
    company = GeneratedCompany(times(20_000), events=40)
    company.write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stages", "all", str(tmp_path)],
        cwd=ROOT,
        env=as_a_user(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["closing_cents"] == company.closing_cents() > 0
    seconds = sum(found["seconds"].values())
    counted(f"{company.customers} customers: {found['gigabytes']:.1f} GB, {seconds:.0f} CPU seconds")
