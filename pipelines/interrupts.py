"""Ctrl-C: noted by the operating system's own way, whoever handles the signal meanwhile.

Dagster takes the handler for the length of a run: what comes between two of its steps it forgets at the end, and what
comes within a step it takes for a fault that a retry may mend.
"""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_ENDING = {signal.SIGINT, signal.SIGTERM}


class _Noted:
    """What came since the outermost block began."""

    depth = 0
    came = False
    ear: socket.socket | None = None


@contextmanager
def noted() -> Iterator[None]:
    """Within the block `was_interrupted` knows of every Ctrl-C; blocks may be nested."""
    if threading.current_thread() is not threading.main_thread() or _Noted.depth:
        _Noted.depth += 1
        try:
            yield
        finally:
            _Noted.depth -= 1
        return
    ear, mouth = socket.socketpair()
    ear.setblocking(False)
    mouth.setblocking(False)
    before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    _Noted.depth, _Noted.came, _Noted.ear = 1, False, ear
    try:
        yield
    finally:
        _Noted.depth, _Noted.ear = 0, None
        signal.set_wakeup_fd(before)
        ear.close()
        mouth.close()


@contextmanager
def deferred() -> Iterator[None]:
    """Within the block Ctrl-C waits for its end: what is half opened is not closed well."""
    theirs = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(theirs):
        yield
        return
    with noted():
        signal.signal(signal.SIGINT, lambda _number, _frame: None)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, theirs)
        if was_interrupted():
            raise KeyboardInterrupt


def was_interrupted() -> bool:
    """Whether somebody asked the process to end since the outermost block began."""
    if _Noted.ear is not None:
        with suppress(BlockingIOError):
            _Noted.came = _Noted.came or bool(_ENDING & set(_Noted.ear.recv(4096)))
    return _Noted.came and _Noted.depth > 0
