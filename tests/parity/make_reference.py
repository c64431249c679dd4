# SPDX-License-Identifier: Apache-2.0
"""Writes what scikit-learn says for each parity case.

usage: make_reference.py FOLDER

FOLDER gets cases.json (the case table), NAME.train.csv and NAME.test.csv of each data set, and one file of reference values a case.
Nothing is written when neither these scripts nor scikit-learn changed since the last time.
"""

import hashlib
import importlib
import json
import os
import pathlib
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def digest():
    """Of all scripts and of the version that is asked."""
    import sklearn
    hasher = hashlib.sha256(sklearn.__version__.encode())
    for path in sorted(HERE.rglob("*.py")):
        hasher.update(path.name.encode() + path.read_bytes())
    return hasher.hexdigest()


def write(folder):
    import warnings
    import sklearn
    import datasets
    warnings.simplefilter("ignore")
    rows, used, differences = [], {}, {}
    for path in sorted((HERE / "cases").glob("[a-z]*.py")):
        module = importlib.import_module(f"cases.{path.stem}")
        differences.update(getattr(module, "DIFFERENCES", {}))
        for case in module.CASES:
            case = dict(case, id=f"{path.stem}_{len(rows):03d}")
            for name in case["on"]:
                used[name] = datasets.load(name)
            rows.append(case["make"](case, used, folder))
    for name, data in used.items():
        data.write(folder / name)
    document = {"scikit_learn": sklearn.__version__, "differences": differences, "cases": rows}
    (folder / "cases.json").write_text(json.dumps(document, indent=1) + "\n")
    return len(rows)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "stamp"
    now = digest()
    if stamp.exists() and stamp.read_text() == now:
        print("the reference is up to date")
        return 0
    stamp.unlink(missing_ok=True)
    print(f"wrote {write(folder)} cases")
    stamp.write_text(now)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
