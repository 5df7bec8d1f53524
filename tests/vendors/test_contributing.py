"""What the guide for a new vendor says is there, is there."""

import re
from pathlib import Path

from examples.generator import vendors
from transforms.clean.vendors import VENDORS

GUIDE = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_guide_names_the_vendors_as_whose_objects_the_example_company_is_written() -> None:
    written = {path.stem for path in Path(vendors.__file__).parent.glob("*.py")} & VENDORS.keys()
    (names,) = re.findall(r"Of ([\w ,]+) the objects are the example\s+company's", GUIDE)
    assert set(re.split(r", | and ", names.lower())) == written
    assert len(written) == 5


def test_the_guide_names_programs_that_are_there() -> None:
    root = Path(vendors.__file__).parents[3]
    modules = re.findall(r"`python -m ([\w.]+)`", GUIDE)
    assert "benchmarks.vendor_files" in modules
    assert all((root / f"{module.replace('.', '/')}.py").exists() for module in modules)
