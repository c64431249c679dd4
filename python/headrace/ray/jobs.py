# SPDX-License-Identifier: Apache-2.0
"""Pipelines as jobs of a Ray cluster, through its Jobs REST API: HTTP and JSON, so no Ray is needed here.

A job runs the program on the cluster's head. The pipeline file and the files that its sources read travel as a working directory, a zip
that Ray unpacks there; results come back as the job's output. The token is sent to the dashboard's address and to no other.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shlex
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from headrace.errors import HeadraceError, error
from headrace.ray import lines
from headrace.ray.state import ClusterState

_ANSWER_MAX = 64 << 20
_PACKAGE_MAX = 100 << 20     # Ray's own bound
_SECONDS = 30
_DONE = {"SUCCEEDED", "FAILED", "STOPPED"}
#: Zip entries get one date, so that the same files give the same package.
_DATE = (2020, 1, 1, 0, 0, 0)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class JobsApi:
    """One cluster's Jobs API. Errors of every call: Unreachable, Refused (token), NotFound, BadValue, Protocol."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._opener = build_opener(_NoRedirect)

    def call(self, method: str, path: str, body: Optional[bytes] = None, kind: str = "application/json") -> bytes:
        request = Request(self.address + path, data=body, method=method)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.add_header("Content-Type", kind)
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                content: bytes = answer.read(_ANSWER_MAX + 1)
        except HTTPError as problem:
            raise self._refused(problem) from None
        except (URLError, OSError) as problem:
            reason = getattr(problem, "reason", problem)
            raise error(
                "Unreachable", f"no Jobs API answers at {self.address}: {reason}", "a cluster has one unless it was started with --no-jobs"
            ) from None
        if len(content) > _ANSWER_MAX:
            raise error("TooLarge", f"the answer to {path} has more than {_ANSWER_MAX} bytes")
        return content

    def document(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        content = self.call(method, path, None if body is None else json.dumps(body).encode())
        try:
            found = json.loads(content)
        except ValueError:
            raise error("Protocol", f"{self.address} answered {path} with no JSON", "is it the address of a Ray dashboard?") from None
        if not isinstance(found, dict):
            raise error("Protocol", f"{self.address} answered {path} with no object")
        return found

    def _refused(self, problem: HTTPError) -> HeadraceError:
        said = problem.read(2000).decode("utf-8", "replace").strip().splitlines()
        text = said[-1][:300] if said else problem.reason
        if problem.code in (401, 403):
            return error("Refused", f"{self.address} refused the token", "set RAY_AUTH_TOKEN to the token of the cluster")
        if problem.code == 404:
            return error("NotFound", f"{self.address} knows no such job ({text})", "list them with: headrace submit --ray --status all")
        if problem.code in (400, 413):
            return error("BadValue", f"{self.address} refused the job: {text}")
        return error("Unreachable", f"{self.address} answered {problem.code}: {text}")

    # Jobs.

    def upload(self, package: bytes) -> str:
        """Gives the cluster a working directory, once for the same content. Returns its URI."""
        name = f"_ray_pkg_{hashlib.sha256(package).hexdigest()[:32]}.zip"
        path = f"/api/packages/gcs/{name}"
        try:
            self.call("GET", path)
        except HeadraceError as problem:
            if problem.name != "NotFound":
                raise
            self.call("PUT", path, package, "application/octet-stream")
        return f"gcs://{name}"

    def start(self, entrypoint: str, folder: str, variables: Mapping[str, str]) -> str:
        wish = {
            "entrypoint": entrypoint,
            "runtime_env": {"working_dir": folder, "env_vars": dict(variables)},
            "metadata": {"program": "headrace"},
        }
        return str(self.document("POST", "/api/jobs/", wish)["submission_id"])

    def status(self, job: str) -> Dict[str, Any]:
        return self.document("GET", f"/api/jobs/{quote(job, safe='')}")

    def logs(self, job: str) -> str:
        return str(self.document("GET", f"/api/jobs/{quote(job, safe='')}/logs").get("logs") or "")

    def stop(self, job: str) -> bool:
        return bool(self.document("POST", f"/api/jobs/{quote(job, safe='')}/stop").get("stopped"))

    def all(self) -> List[Dict[str, Any]]:
        found = json.loads(self.call("GET", "/api/jobs/"))
        return [job for job in found if isinstance(job, dict)] if isinstance(found, list) else []


def find_api(address: str) -> JobsApi:
    """`address`: http://HOST:PORT of a dashboard, or auto for the cluster of `headrace cluster up`, else $RAY_API_SERVER_ADDRESS."""
    state = ClusterState.read()
    if address == "auto":
        address = (state.dashboard if state is not None else "") or os.environ.get("RAY_API_SERVER_ADDRESS", "")
        if not address:
            raise error(
                "NotFound",
                "no Ray cluster with a Jobs API was started here, and $RAY_API_SERVER_ADDRESS is not set",
                "start one with: headrace cluster up --ray",
            )
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise error("BadValue", f"'{address}' is no address of a Ray dashboard", "write http://HOST:8265")
    if state is not None and state.dashboard == address:
        return JobsApi(address, state.token)
    return JobsApi(address, _token())


def _token() -> str:
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    path = os.environ.get("RAY_AUTH_TOKEN_PATH", "")
    if token or not path:
        return token
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise error("Environment", f"cannot read $RAY_AUTH_TOKEN_PATH: {problem.strerror}") from None


def package_of(files: Sequence[Tuple[str, str]]) -> bytes:
    """A zip of (path here, name there). Errors: NotFound, TooLarge."""
    out = io.BytesIO()
    total = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in sorted(files, key=lambda pair: pair[1]):
            try:
                content = Path(path).read_bytes()
            except OSError as problem:
                raise error("NotFound", f"cannot read {path}: {problem.strerror}") from None
            total += len(content)
            if total > _PACKAGE_MAX:
                raise error("TooLarge", f"the pipeline and its files have more than {_PACKAGE_MAX >> 20} MiB",
                            "put the data where every node sees it, and name it with an absolute path")  # fmt: skip
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def entrypoint_of(program: str, words: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in [program, *words])


def watch(api: JobsApi, job: str) -> Dict[str, Any]:
    """Relays what the job prints until it has ended."""
    shown = 0
    misses = 0
    while True:
        try:
            status = api.status(job)
            text = api.logs(job)
            misses = 0
        except HeadraceError as problem:
            # A dashboard that is busy or starts again; a job that is gone stays gone.
            misses += 1
            if problem.name != "Unreachable" or misses > 10:
                raise
            time.sleep(1)
            continue
        ended = status.get("status") in _DONE
        end = len(text) if ended else text.rfind("\n") + 1
        if end > shown:
            lines.emit("log", text[shown:end])
            shown = end
        if ended:
            return status
        time.sleep(0.5)


def row_of(job: str, status: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        "id": job,
        "status": str(status.get("status", "")),
        "message": str(status.get("message") or ""),
        "entrypoint": str(status.get("entrypoint") or ""),
        "exit_code": status.get("driver_exit_code"),
        "started_ms": status.get("start_time"),
        "ended_ms": status.get("end_time"),
    }


def submit(given: argparse.Namespace) -> Mapping[str, Any]:
    wish = json.loads(sys.stdin.buffer.readline())["submit"]
    api = find_api(given.address)
    folder = api.upload(package_of([(str(path), str(name)) for path, name in wish["files"]]))
    job = api.start(entrypoint_of(wish["program"], wish["words"]), folder, wish.get("variables", {}))
    lines.say(f"job {job} at {api.address}")
    if not given.wait:
        return row_of(job, api.status(job))
    return row_of(job, watch(api, job))


def look(given: argparse.Namespace) -> Mapping[str, Any]:
    api = find_api(given.address)
    if given.action == "stop":
        api.stop(given.job)
        return row_of(given.job, _settled(api, given.job))
    if given.action == "logs":
        lines.emit("log", api.logs(given.job))
    if given.job == "all":
        # Drivers that joined by themselves are listed, too: they are nobody's submission.
        return {"jobs": [row_of(str(job["submission_id"]), job) for job in api.all() if job.get("submission_id")]}
    return row_of(given.job, api.status(given.job))


def _settled(api: JobsApi, job: str) -> Mapping[str, Any]:
    for _ in range(60):
        status = api.status(job)
        if status.get("status") in _DONE:
            return status
        time.sleep(0.5)
    return api.status(job)


def main(words: List[str]) -> int:
    parser = argparse.ArgumentParser("headrace.ray job", allow_abbrev=False)
    parts = parser.add_subparsers(dest="action", required=True)
    submitting = parts.add_parser("submit", help="the wish comes on stdin: {'submit': {'program', 'words', 'files', 'variables'}}")
    submitting.add_argument("--wait", action="store_true")
    for name in ("status", "logs", "stop"):
        parts.add_parser(name).add_argument("job")
    for part in parts.choices.values():
        part.add_argument("--address", default="auto")
    given = parser.parse_args(words)
    return lines.answering(lambda: submit(given) if given.action == "submit" else look(given))
