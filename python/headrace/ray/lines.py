# SPDX-License-Identifier: Apache-2.0
"""JSON lines on stdout, one object a line with one key that says what it is.

{"say": TEXT} is talk for people, {"result": DOCUMENT} ends well, {"error": {"code", "name", "message", "advice"}} ends badly.
stdout is kept for them: whatever libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, Callable, Mapping, TextIO

from headrace.errors import HeadraceError, error

_lock = threading.Lock()
_out: TextIO = sys.stdout


def claim_stdout() -> None:
    """From here on only `emit` writes to stdout, also when a library writes to descriptor 1."""
    global _out
    if _out is sys.stdout:
        _out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)


def emit(kind: str, value: Any) -> None:
    """Threads: any. A reader that is gone ends the process: nobody is there to be told."""
    line = json.dumps({kind: value}, separators=(",", ":"))
    with _lock:
        try:
            _out.write(line + "\n")
            _out.flush()
        except OSError:
            os._exit(0)


def say(text: str) -> None:
    emit("say", text)


def usage(message: str, advice: str = "") -> HeadraceError:
    return error("Usage", message, advice)


def failed_with(problem: HeadraceError) -> int:
    """Prints the error; returns the exit code of its class."""
    document: Mapping[str, Any] = {"code": problem.code, "name": problem.name, "message": problem.message, "advice": problem.advice}
    emit("error", document)
    return 2 if problem.code < 3000 else 3


def answering(work: Callable[[], Mapping[str, Any]]) -> int:
    """Runs `work` and prints its document, or its error."""
    claim_stdout()
    try:
        emit("result", work())
        return 0
    except HeadraceError as problem:
        return failed_with(problem)
    except KeyboardInterrupt:
        return failed_with(error("Cancelled", "it was interrupted"))
