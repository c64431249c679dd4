# SPDX-License-Identifier: Apache-2.0
"""Running pipelines through the program: `run` waits, `submit` does not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from typing import IO, Any, Dict, List, Mapping, Optional, Union

import pyarrow as pa

from headrace.errors import HeadraceError, error
from headrace.pipeline import Pipeline, as_pipeline
from headrace.program import Answer, Runnable, document_of, pipeline_file, start, store_arguments
from headrace.progress import OnProgress, Talk, reporter, stderr_is_terminal
from headrace.results import Results, Store
from headrace.terms import Term
from headrace.values import flow, plain

_INTERRUPTED = 4


def run(
    what: Runnable,
    on: Optional[str] = None,
    store: Store = None,
    mode: str = "fit",
    set: Optional[Mapping[str, Any]] = None,  # noqa: A002 the flag of the program
    seed: Optional[int] = None,
    workers: Optional[int] = None,
    memory: Union[None, int, str] = None,
    timeout: Optional[float] = None,
    fresh: bool = False,
    keep: bool = True,
    progress: Union[bool, OnProgress] = True,
) -> Results:
    """Runs a pipeline, a term or a pipeline file, and returns its results when it has ended.

    `on` says where ("processes:4", "ray://ADDRESS"; default: this process's machine, in one process). `mode` says what each path
    gives: "fit" (its model, and its scores over folds), "transform", "predict" or "score". `set` changes values first:
    ``{"pca.components": 5}``. `memory` and `timeout` (seconds) bound it. `keep=False` keeps nothing beyond the results. `progress` is True
    (a bar on a terminal or in a notebook), False, or a function of tasks done, tasks in all and a few words.

    Ctrl-C stops the run after the tasks that run now, and then raises KeyboardInterrupt; the same call finishes it. A second
    Ctrl-C ends it at once.

    Errors: `HeadraceError` with code, place and advice when the pipeline or its environment is wrong. A task that fails does not
    raise: the other paths go on, and `Results.errors` has it; `Results.check` raises.
    """
    with ExitStack() as scope:
        held = None if keep else tempfile.TemporaryDirectory(prefix="headrace-store-")  # goes away with the results
        arguments = _arguments(scope, what, on, held.name if held else store, mode, set, seed, workers, memory, timeout, fresh)
        interrupted, answer = _wait(arguments, progress)
        if interrupted:
            raise KeyboardInterrupt("the run was stopped; the same call finishes it")
        document = document_of(answer)
        return Results(document, held.name if held else store, _pipeline_of(what), held)


def _arguments(
    scope: ExitStack,
    what: Runnable,
    on: Optional[str],
    store: Store,
    mode: str,
    changes: Optional[Mapping[str, Any]],
    seed: Optional[int],
    workers: Optional[int],
    memory: Union[None, int, str],
    timeout: Optional[float],
    fresh: bool,
) -> List[str]:
    out = ["run", scope.enter_context(pipeline_file(what)), "--json", "--mode", mode]
    for key, value in (changes or {}).items():
        out += ["--set", f"{key}={flow(plain(value, key))}"]
    for flag, given in (("--on", on), ("--seed", seed), ("--workers", workers), ("--memory", memory), ("--timeout", timeout)):
        if given is not None:
            out += [flag, str(given)]
    if fresh:
        out.append("--fresh")
    return out + store_arguments(store)


def _pipeline_of(what: Runnable) -> Optional[Pipeline]:
    if isinstance(what, (Pipeline, Term)):
        return as_pipeline(what)
    try:
        return Pipeline.from_file(what)
    except HeadraceError:  # the program reads more than this package does; the results stand without a drawing
        return None


def _wait(arguments: List[str], progress: Union[bool, OnProgress]) -> "tuple[bool, Answer]":
    """Runs the program to its end, and hands Ctrl-C on: the first asks it to stop, a second ends it at once."""
    draws_itself = progress is True and stderr_is_terminal()
    if not draws_itself and progress is False:
        arguments = [*arguments, "--quiet"]
    process = start(arguments, stdout=subprocess.PIPE, stderr=None if draws_itself else subprocess.PIPE)
    assert process.stdout is not None
    talk = Talk(process.stderr, reporter(progress)) if process.stderr is not None else None
    out = _Collector(process.stdout)
    interrupted = False
    while True:
        try:
            out.join()
            process.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return interrupted, Answer(process.returncode, out.data, talk.end() if talk is not None else "")


class _Collector:
    """Reads a stream to its end on a thread, so that waiting for it can be interrupted."""

    def __init__(self, stream: "IO[bytes]") -> None:
        self.data = b""
        self._stream = stream
        self._thread = threading.Thread(target=self._read, name="headrace-out", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self.data = self._stream.read()
        self._stream.close()

    def join(self) -> None:
        while self._thread.is_alive():
            self._thread.join(0.1)


# --- submitting ------------------------------------------------------------------------------------------------------------


class Job:
    """A run that goes on by itself; made by `submit`."""

    def __init__(self, what: Runnable, arguments: List[str], scope: ExitStack, store: Store) -> None:
        self._pipeline = _pipeline_of(what)
        self._store = store
        self._scope = scope
        self._folder = tempfile.mkdtemp(prefix="headrace-job-")
        scope.callback(shutil.rmtree, self._folder, ignore_errors=True)
        with open(self._path("out"), "wb") as out, open(self._path("talk"), "wb") as talk:
            self._process = start(arguments, stdout=out, stderr=talk)
        self._results: Optional[Results] = None
        self._logs: Optional[str] = None

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def status(self) -> str:
        """ "running", or how it ended: "done", "failed" (something in it), "cancelled", "refused" (it never ran)."""
        code = self._process.poll()
        if code is None:
            return "running"
        if code == _INTERRUPTED or code < 0:
            return "cancelled"
        return {0: "done", 1: "failed"}.get(code, "refused")

    def wait(self, timeout: Optional[float] = None) -> "Job":
        """Waits until it has ended. Errors: TimeoutError after `timeout` seconds; the run goes on."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the run has not ended after {timeout} s") from None
        return self

    def cancel(self, grace: float = 10.0) -> "Job":
        """Asks it to stop after the tasks that run now, and ends it when it has not done so after `grace` seconds.

        What is done is kept: submitting the same pipeline again finishes it.
        """
        end = time.monotonic() + grace
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        while self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        return self

    def logs(self) -> str:
        """What it has said so far: progress, warnings, failures."""
        if self._logs is not None:
            return self._logs
        with open(self._path("talk"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def results(self, timeout: Optional[float] = None) -> Results:
        """Waits for it and returns what it gave. Errors: as `run`, and TimeoutError."""
        if self._results is None:
            self.wait(timeout)
            with open(self._path("out"), "rb") as file:
                answer = Answer(self._process.returncode, file.read(), self.logs())
            document: Dict[str, Any] = document_of(answer)
            self._results = Results(document, self._store, self._pipeline)
            self.close()
        return self._results

    def close(self) -> None:
        """Lets go of its files. A run that still goes on is cancelled."""
        if self._process.poll() is None:
            self.cancel()
        if self._logs is None:
            self._logs = self.logs()
        self._scope.close()

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, *ignored: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Job {self._pipeline.name if self._pipeline else ''}: {self.status()}>"


def submit(
    what: Runnable,
    on: Optional[str] = None,
    store: Store = None,
    mode: str = "fit",
    set: Optional[Mapping[str, Any]] = None,  # noqa: A002 the flag of the program
    seed: Optional[int] = None,
    workers: Optional[int] = None,
    memory: Union[None, int, str] = None,
    timeout: Optional[float] = None,
    fresh: bool = False,
) -> Job:
    """Starts a run and returns at once; the arguments are those of `run`. Use it as a context, or call `results` or `close`."""
    if mode not in ("fit", "transform", "predict", "score"):
        raise error("BadValue", f"no mode is called '{mode}'", "use fit, transform, predict or score")
    scope = ExitStack()
    try:
        arguments = _arguments(scope, what, on, store, mode, set, seed, workers, memory, timeout, fresh)
        return Job(what, arguments, scope, store)
    except BaseException:
        scope.close()
        raise
