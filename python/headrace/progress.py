# SPDX-License-Identifier: Apache-2.0
"""Progress of a run: the program's own bar on a terminal, a bar in a notebook, silence elsewhere."""

from __future__ import annotations

import os
import re
import sys
import threading
from html import escape
from typing import IO, Any, Callable, List, Optional, Union

_LINE = re.compile(r"\s*([0-9]+) of ([0-9]+) tasks?, (.*)")
_TALK_MAX = 200  # last lines of talk that are kept for messages

#: Called with tasks done, tasks in all, and what the program says beside them.
OnProgress = Callable[[int, int, str], None]


def stderr_is_terminal() -> bool:
    """Whether the program can draw on the terminal itself."""
    stream: Any = sys.stderr
    own = stream is not None and stream is sys.__stderr__
    try:
        return own and bool(os.isatty(stream.fileno()))
    except (OSError, ValueError):
        return False


def reporter(progress: Union[bool, OnProgress]) -> Optional[OnProgress]:
    """Where progress goes: a function of the caller, a bar in a notebook, or nowhere."""
    if callable(progress):
        return progress
    return _NotebookBar() if progress and _in_notebook() else None


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    found: Any = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return found is not None and hasattr(found, "kernel")


class _NotebookBar:
    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, done: int, total: int, words: str) -> None:
        from IPython.display import HTML, display

        bar = HTML(f"<progress value='{done}' max='{max(total, 1)}'></progress> {done} of {total} tasks, {escape(words)}")
        if self._handle is None:
            self._handle = display(bar, display_id=True)
        else:
            self._handle.update(bar)


class Talk:
    """Reads what the program says on stderr: progress lines are reported, the last others kept. Owns a thread until `end`."""

    def __init__(self, stream: "IO[bytes]", report: Optional[OnProgress]) -> None:
        self.lines: List[str] = []
        self._stream = stream
        self._report = report
        self._thread = threading.Thread(target=self._read, name="headrace-talk", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for raw in self._stream:
            line = raw.decode("utf-8", "replace").rstrip()
            found = _LINE.match(line)
            if found is None:
                self.lines = [*self.lines[1 - _TALK_MAX :], line]
            elif self._report is not None:
                try:
                    self._report(int(found[1]), int(found[2]), found[3])
                except Exception:  # a broken display must not stop the reading, which would stop the run
                    self._report = None
        self._stream.close()

    def end(self) -> str:
        self._thread.join(5)
        return "\n".join(self.lines)
