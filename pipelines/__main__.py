"""`python -m pipelines`: the commands behind the Makefile."""

import sys
import time

STARTED = time.perf_counter()
INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C ended."""

try:
    from pipelines.commands.command_line import main

    status = main(sys.argv[1:], STARTED)
except KeyboardInterrupt:
    # Before anything began.
    sys.stderr.write("interrupted\n")
    status = INTERRUPTED
sys.exit(status)
