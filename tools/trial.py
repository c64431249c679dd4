# SPDX-License-Identifier: Apache-2.0
"""What the drills share: starting runs, and telling whether two runs gave the same."""
import collections
import json
import os
import subprocess
from pathlib import Path

import journal

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("HEADRACE_BUILD_DIR", ROOT / "build" / "release")) / "bin" / "headrace"


def start(pipeline, store, out, *flags):
    with open(out, "wb") as stdout, open(f"{out}.err", "wb") as stderr:
        return subprocess.Popen([PROGRAM, "run", pipeline, "--json", "--store", store, *flags], stdout=stdout, stderr=stderr)


def results(out):
    """The result rows as text, without the times, and the whole document."""
    document = json.loads(Path(out).read_text())
    return json.dumps([{key: value for key, value in row.items() if key != "seconds"} for row in document["results"]]), document


def done(store):
    """How often each task is recorded as done in the one run of a store."""
    return collections.Counter(record["id"] for record in journal.of_store(store) if record.get("status") == journal.DONE)


def contents(store):
    """Digest of the bytes of every object that the one run of a store kept, by the object's id."""
    return {kept["id"]: kept["content"] for record in journal.of_store(store) for kept in record.get("kept", []) if kept["length"] > 0}


def workers_of(pid):
    """Process ids of the workers that a driver started."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if b"worker" in words and b"--parent" in words and (parent == pid or words[words.index(b"--parent") + 1] == str(pid).encode()):
            found.append(int(entry.name))
    return sorted(found)
