# SPDX-License-Identifier: Apache-2.0
"""Exceptions of user code as errors of the protocol: what it was, where, and the last lines of the traceback."""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import List, Optional, Tuple

from headrace.errors import CODES, HeadraceError

_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_FRAMES = 3
_TEXT_MAX = 4000


class Stopped(BaseException):
    """Raised in user code whose call was cancelled; no `except Exception` keeps it."""


def describe(problem: BaseException) -> Tuple[int, str, str]:
    """Code, message and advice."""
    if isinstance(problem, HeadraceError):
        return problem.code, problem.message, problem.advice
    if isinstance(problem, Stopped):
        return CODES["Cancelled"], "the call was stopped", ""
    if isinstance(problem, MemoryError):
        return CODES["TaskFailed"], "out of memory", "give the node fewer rows (shard), or fewer workers (--workers)"
    what = "".join(traceback.format_exception_only(type(problem), problem)).strip()
    where = _user_frames(problem.__traceback__)
    message = f"operator raised {what}" + (f"; at {' > '.join(where)}" if where else "")
    return CODES["TaskFailed"], message[:_TEXT_MAX], "the whole traceback is in the log"


def _user_frames(trace: Optional[TracebackType]) -> List[str]:
    """The last frames outside this package: file:line in function, and the line itself."""
    frames = [frame for frame in traceback.extract_tb(trace) if not os.path.abspath(frame.filename).startswith(_OWN_FOLDER + os.sep)]
    return [
        f"{os.path.basename(frame.filename)}:{frame.lineno} in {frame.name}" + (f": {frame.line}" if frame.line else "")
        for frame in frames[-_FRAMES:]
    ]


def whole(problem: BaseException) -> str:
    return "".join(traceback.format_exception(type(problem), problem, problem.__traceback__)).rstrip()
