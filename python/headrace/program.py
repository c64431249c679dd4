# SPDX-License-Identifier: Apache-2.0
"""Finding the program and asking it things. Everything this package knows of a run it has from the program's JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

from headrace.errors import HeadraceError, error, from_document
from headrace.pipeline import Pipeline, as_pipeline
from headrace.terms import Term

#: What can be run: a pipeline, a term, or the path of a pipeline file.
Runnable = Union[Pipeline, Term, str, "os.PathLike[str]"]

PROGRAM_VARIABLE = "HEADRACE"


def find_program() -> str:
    """The program: $HEADRACE, beside this package, on the PATH, or the launcher of the checkout that this package lies in."""
    chosen = os.environ.get(PROGRAM_VARIABLE)
    if chosen:
        found = shutil.which(chosen)
        if found:
            return found
        raise error("Environment", f"${PROGRAM_VARIABLE} names no program: {chosen}", "set it to the path of the program 'headrace'")
    here = Path(__file__).resolve().parent
    beside = here / "bin" / "headrace"
    launcher = here.parent.parent / "headrace"
    if os.access(beside, os.X_OK):
        return str(beside)
    on_path = shutil.which("headrace")
    if on_path:
        return on_path
    if launcher.is_file() and os.access(launcher, os.X_OK):
        return str(launcher)
    raise error(
        "Environment",
        "the program 'headrace' was not found",
        f"put it on the PATH, or set ${PROGRAM_VARIABLE} to it (in a checkout: export {PROGRAM_VARIABLE}=$PWD/headrace)",
    )


def start(arguments: Sequence[str], **streams: Any) -> "subprocess.Popen[bytes]":
    """Starts the program in a process group of its own: whether Ctrl-C reaches it is decided here, not by the terminal."""
    command = [find_program(), *arguments]
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, env=_environment(), **streams)
    except OSError as problem:
        raise error("Environment", f"cannot start {command[0]}: {problem.strerror}") from None


def _environment() -> Dict[str, str]:
    """Nodes in Python run with this interpreter, and find what is imported here."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {"HEADRACE_PYTHON": sys.executable, **os.environ, "PYTHONPATH": path}


def ask(arguments: Sequence[str]) -> Dict[str, Any]:
    """One JSON document from the program. Errors: the error it printed."""
    return document_of(ask_raw([*arguments, "--json"], check=False))


def ask_raw(arguments: Sequence[str], check: bool = True) -> "Answer":
    process = start(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, talk = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    answer = Answer(process.returncode, out, talk.decode("utf-8", "replace"))
    if check and answer.exit_code != 0:
        raise answer.failure()
    return answer


class Answer:
    """What a finished call of the program left."""

    def __init__(self, exit_code: int, out: bytes, talk: str) -> None:
        self.exit_code = exit_code
        self.out = out
        self.talk = talk

    def failure(self) -> HeadraceError:
        last = [line for line in self.talk.strip().splitlines() if line.strip()][-3:]
        what = " / ".join(last) if last else "it said nothing"
        return error("Bug" if self.exit_code not in (2, 3) else "Environment", f"headrace ended with code {self.exit_code}: {what}")


def document_of(answer: Answer) -> Dict[str, Any]:
    """The document of a call with --json. Errors: the error in it; Bug when there is none."""
    try:
        document = json.loads(answer.out)
    except ValueError:
        raise answer.failure() from None
    if not isinstance(document, dict):
        raise answer.failure()
    if "error" in document:
        raise from_document(document)
    return document


def store_arguments(store: "Optional[Union[str, os.PathLike[str]]]") -> List[str]:
    return [] if store is None else ["--store", os.path.abspath(os.fspath(store))]


@contextmanager
def pipeline_file(what: Runnable) -> Iterator[str]:
    """The path of a pipeline file to hand to the program.

    A file is used as it is. A pipeline is written into its folder, where its relative paths start, and removed afterwards.
    """
    if isinstance(what, (str, os.PathLike)):
        yield os.fspath(what)
        return
    pipeline = as_pipeline(what)
    folder = pipeline.folder or os.getcwd()
    text = pipeline.to_yaml()
    try:
        handle, path = tempfile.mkstemp(prefix=f".{_word(pipeline.name)}-", suffix=".yaml", dir=folder)
    except OSError as problem:
        raise error(
            "Environment",
            f"cannot write the pipeline into {folder}: {problem.strerror}",
            "its relative paths start there: choose another folder with Pipeline.with_(folder=...), or save it and run the file",
        ) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield path
    finally:
        os.unlink(path)


def _word(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)[:60]
