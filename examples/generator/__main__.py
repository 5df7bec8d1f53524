"""Write the example company: `python -m examples.generator [--seed N] [--out DIR] [--without-causes]`."""

import argparse
from pathlib import Path

from examples.generator.simulation import DEFAULT_SEED, generate


def main() -> None:
    """Read the options, make the company, write it."""
    parser = argparse.ArgumentParser(prog="python -m examples.generator", description="Write the example company.")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="another seed, another company (default %(default)s)"
    )
    default = Path(__file__).parent.parent / "company"
    parser.add_argument("--out", type=Path, default=default, help="where to (default: examples/company)")
    parser.add_argument("--without-causes", action="store_true", help="nothing shows before an account leaves")
    options = parser.parse_args()
    company = generate(seed=options.seed, causes=not options.without_causes)
    company.write(options.out)
    size = sum(len(text.encode()) for text in company.files.values())
    print(f"{len(company.files)} files, {size / 1e6:.1f} MB, in {options.out}")


if __name__ == "__main__":
    main()
