"""`python -m pipelines`: the commands behind the Makefile."""

import gc
import sys
import time

STARTED = time.perf_counter()
INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C ended."""

# Libraries and Dagster's definitions stay to the end; by Python's own numbers the search for garbage among them takes a
# tenth of a run.
gc.set_threshold(20_000, 10, 10)

try:
    from pipelines.commands.command_line import main

    status = main(sys.argv[1:], STARTED)
except KeyboardInterrupt:
    # Before anything began.
    sys.stderr.write("interrupted\n")
    status = INTERRUPTED
sys.exit(status)
