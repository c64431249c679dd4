# SPDX-License-Identifier: Apache-2.0
"""python -m headrace.ray PART ..., or python FOLDER/headrace/ray PART ...: what the program starts. Speaks JSON lines."""

import sys
from pathlib import Path
from types import ModuleType

if not __package__:
    # Started by its path: the package is known, but its __init__ and all that it needs is not loaded.
    package = ModuleType("headrace")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["headrace"] = package
    sys.path.pop(0)

from headrace.ray import lines  # noqa: E402


def main() -> int:
    part, words = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if part == "gateway":
        from headrace.ray import gateway

        return gateway.main(words)
    if part == "cluster":
        from headrace.ray import cluster

        return cluster.main(words)
    if part == "job":
        from headrace.ray import jobs

        return jobs.main(words)
    return lines.failed_with(lines.usage(f"'{part}' is no part of headrace.ray", "use gateway, cluster or job"))


if __name__ == "__main__":
    sys.exit(main())
