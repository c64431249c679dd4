# SPDX-License-Identifier: Apache-2.0
"""Command line of the Python worker: the flags of `headrace worker`."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from typing import List, Optional

from headrace.errors import HeadraceError, error
from headrace.wire.channel import Address
from headrace.worker.worker import Options, Worker

_PR_SET_PDEATHSIG = 1
_UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS.update({"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40})


def main(words: Optional[List[str]] = None) -> int:
    arguments = _parser().parse_args(words)
    try:
        token = os.environ.pop("HEADRACE_TOKEN", "")  # not for what operators may start
        if not token:
            advice = "set HEADRACE_TOKEN: the driver prints it, with the address, when it starts"
            raise error("Usage", "the driver's token is missing", advice)
        if arguments.parent:
            end_with(arguments.parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at a terminal is the driver's, which ends its workers in order
        options = Options(Address.parse(arguments.connect), token, arguments.slot, arguments.cpu, _size(arguments.memory), arguments.gpu)
        return Worker(options).run()
    except HeadraceError as problem:
        print(f"headrace.worker: {problem}", file=sys.stderr)
        return 2 if problem.code // 1000 == 1 else 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m headrace.worker", description="Runs Python operators for a driver.", allow_abbrev=False)
    parser.add_argument("--connect", required=True, metavar="ADDRESS", help="the driver: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT#DIGEST")
    parser.add_argument("--slot", default="", metavar="NAME", help="a name for messages and `headrace top`")
    parser.add_argument("--cpu", type=float, default=1, metavar="N", help="cores that it adds to its host")
    parser.add_argument("--memory", default="0", metavar="SIZE", help="memory of its host that calls may ask for, such as 16GB")
    parser.add_argument("--gpu", type=float, default=0, metavar="N", help="GPUs that it adds to its host")
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="end with this process, which must have started it")
    return parser


def _size(text: str) -> int:
    number = text.rstrip("kKMGTiB").strip()
    unit = text[len(number) :].strip()
    try:
        return int(float(number) * _UNITS[unit])
    except (ValueError, KeyError):
        raise error("BadValue", f"'{text}' is no size", "write 16GB, 512MiB or a number of bytes") from None


def end_with(parent: int) -> None:
    """The kernel kills this process when `parent` goes. Errors: Closed when it is gone already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise error("Closed", "the process that started this worker is gone")


if __name__ == "__main__":
    sys.exit(main())
