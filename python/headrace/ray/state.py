# SPDX-License-Identifier: Apache-2.0
"""What is remembered of the cluster of `headrace cluster up`: one file, for its owner only, as it holds the token."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Iterator, List, Optional

from headrace.errors import error

_BYTES_MAX = 1 << 20


def folder() -> Path:
    """$HEADRACE_STATE, else $XDG_STATE_HOME/headrace, else ~/.local/state/headrace; with /ray."""
    chosen = os.environ.get("HEADRACE_STATE")
    if chosen:
        return Path(chosen) / "ray"
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(base) / "headrace" / "ray"


@dataclass
class ClusterState:
    """One cluster. `mark` is in the environment of each of its processes: they are found by it."""

    mark: str
    token: str
    temporary: str
    address: str = ""
    dashboard: str = ""
    nodes: List[str] = field(default_factory=list)

    @classmethod
    def read(cls) -> Optional["ClusterState"]:
        """The cluster, up or not; None when there is none. Errors: Damaged."""
        path = folder() / "cluster.json"
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(_BYTES_MAX)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise error("Environment", f"cannot read {path}: {problem.strerror}") from None
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError):
            raise error("Damaged", f"{path} is no state of a cluster", "end what still runs by hand and delete the file") from None

    def write(self) -> None:
        path = folder() / "cluster.json"
        aside = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)

    @staticmethod
    def forget() -> None:
        (folder() / "cluster.json").unlink(missing_ok=True)


@contextmanager
def exclusive() -> Iterator[None]:
    """One `up` or `down` at a time. Errors: Busy, Environment."""
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Not inherited: a daemon that kept it open would hold the lock for ever.
        descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        advice = "set HEADRACE_STATE to a folder that you may write to"
        raise error("Environment", f"cannot use {place}: {problem.strerror}", advice) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise error("Environment", "another `headrace cluster` is at work", "wait until it is done") from None
        yield
    finally:
        os.close(descriptor)
