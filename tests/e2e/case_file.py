# SPDX-License-Identifier: Apache-2.0
"""Text cases: what a user types, and what comes out. A file holds cases, one after another, with ==== between them:

    # name: unknown_operator
    # description: the nearest name is offered
    >>> pipeline.yaml
    nodes: { a: { op: pcaa } }
    <<<
    headrace validate pipeline.yaml
    ----
    ERROR 2001
    did you mean 'pca'?

`>>> NAME` to `<<<` lays a file; `>>>b NAME` takes escapes such as \\xff in it and adds no newline at the end of its last line.
Commands are lines for bash. Below ---- stands stdout as it must be, or ERROR with the number that stderr must show (the exit code
is then the one of its row in errors.def). In both, {{regex}} stands for text that varies. Below `---- stderr` (and below ERROR)
stand parts that stderr must hold. `# exit: 1` names another exit code than 0.
"""

import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Case:
    path: pathlib.Path
    name: str = ""
    exit: int = 0
    files: dict = dataclasses.field(default_factory=dict)
    commands: list = dataclasses.field(default_factory=list)
    error: int = 0
    stdout: list = dataclasses.field(default_factory=list)
    stderr: list = dataclasses.field(default_factory=list)


def read_cases(path):
    """The cases of a file; a mistake in one is a ValueError with its line."""
    cases, start = [], 1
    block = []
    for number, line in enumerate([*path.read_text().split("\n"), "===="], 1):
        if line != "====":
            block.append(line)
            continue
        if any(block):
            cases.append(read_case(path, block, start))
        block, start = [], number + 1
    return cases


def read_case(path, lines, start):
    case = Case(path)
    part, file, raw = "head", None, False
    for offset, line in enumerate(lines):
        where = f"{path.name}:{start + offset}"
        if part == "file":
            if line == "<<<":
                text = "\n".join(case.files[file])
                case.files[file] = text.encode().decode("unicode_escape").encode("latin-1") if raw else (text + "\n").encode()
                part = "head"
            else:
                case.files[file].append(line)
        elif line == "---- stderr":
            part = "stderr"
        elif line == "----":
            part = "stdout"
        elif part == "stdout" and re.fullmatch(r"ERROR \d{4}", line) and not case.stdout:
            case.error, part = int(line[6:]), "stderr"
        elif part == "stdout":
            case.stdout.append(line)
        elif part == "stderr":
            if line:
                case.stderr.append(line)
        elif found := re.fullmatch(r">>>(b?) (\S+)", line):
            part, raw, file = "file", bool(found.group(1)), found.group(2)
            case.files[file] = []
        elif found := re.fullmatch(r"# (name|description|exit): (.*)", line):
            if found.group(1) == "name":
                case.name = found.group(2)
            if found.group(1) == "exit":
                case.exit = int(found.group(2))
        elif line.startswith("# SPDX"):
            pass
        elif line.startswith("#"):
            raise ValueError(f"{where}: '{line}' is no key of a case")
        elif line:
            case.commands.append(line)
    while case.stdout and not case.stdout[-1]:
        case.stdout.pop()
    if not case.name or not case.commands or part == "head":
        raise ValueError(f"{path.name}:{start}: a case needs '# name:', a command, and what comes out below ----")
    return case


def pattern(line):
    """The regular expression of an expected line."""
    parts = re.split(r"\{\{(.*?)\}\}", line)
    return "".join(part if index % 2 else re.escape(part) for index, part in enumerate(parts))


def differences(expected, actual):
    """Lines that do not match, as a readable list; empty when all do."""
    found = []
    for index in range(max(len(expected), len(actual))):
        want = expected[index] if index < len(expected) else None
        got = actual[index] if index < len(actual) else None
        if want is None or got is None or not re.fullmatch(pattern(want), got):
            found.append(f"line {index + 1}\n  expected: {want}\n  got:      {got}")
    return found
