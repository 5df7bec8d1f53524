"""`python -m pipelines`: the commands behind the Makefile."""

import sys
import time

STARTED = time.perf_counter()

from pipelines.command_line import main  # noqa: E402 - the clock starts before the imports it times

sys.exit(main(sys.argv[1:], STARTED))
