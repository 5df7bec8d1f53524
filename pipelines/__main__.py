"""`python -m pipelines`: the commands behind the Makefile."""

import sys
import time

STARTED = time.perf_counter()

from pipelines.commands.command_line import main

sys.exit(main(sys.argv[1:], STARTED))
