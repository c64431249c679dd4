# SPDX-License-Identifier: Apache-2.0
"""The installed Ray, and how a cluster is reached: its address and its token. Tokens come from the environment or from the state of
`headrace cluster up`, never from a command line."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Dict, Optional

from headrace.errors import error
from headrace.ray import lines
from headrace.ray.state import ClusterState

#: Version that is tested; all nodes of a cluster must have the same.
RAY_VERSION = "2.60.0"
REQUIREMENT = f"ray[default]=={RAY_VERSION}"
TOKEN_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE")


def load_ray() -> Any:
    """The module `ray`. Errors: Environment, with the command that installs it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray = importlib.import_module("ray")
        # A folder of this name on the path imports as well, as an empty package.
        version = str(ray.__version__)
    except (ImportError, AttributeError) as problem:
        raise error(
            "Environment",
            f"Ray cannot be imported by {sys.executable}: {problem}",
            f"install it with: {sys.executable} -m pip install '{REQUIREMENT}'; or set HEADRACE_PYTHON to a Python that has it",
        ) from None
    if version != RAY_VERSION:
        lines.say(f"Ray {version} is installed; {RAY_VERSION} is what this version was tested with")
    return ray


def cluster_environment(state: ClusterState) -> Dict[str, str]:
    """What Ray reads to show the token of a cluster."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": state.token, "RAY_USAGE_STATS_ENABLED": "0"}


def resolve(address: str) -> str:
    """HOST:PORT of the control store; "auto" is $RAY_ADDRESS, which jobs have, else the cluster of `headrace cluster up`. When it is
    that cluster, its token is put into this process's environment. Errors: NotFound, BadValue."""
    state = ClusterState.read()
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", "")
        if not address or address == "auto":
            address = state.address if state is not None else ""
        if not address:
            raise error(
                "NotFound", "no Ray cluster was started here, and $RAY_ADDRESS is not set", "start one with: headrace cluster up --ray"
            )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise error("BadValue", f"'{address}' is no address of a Ray cluster", "write ray://HOST:PORT, with the port of `ray start --head`")
    if state is not None and state.address == address:
        for name in TOKEN_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(cluster_environment(state))
    return address


def reach(address: str, seconds: float = 5) -> None:
    """A quick look before Ray's patience starts. Errors: Unreachable."""
    import socket

    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except OSError as problem:
        raise error(
            "Unreachable", f"no Ray cluster answers at {address}: {problem}", "look at `headrace cluster status`, or start it again"
        ) from None


def connect(address: str, namespace: Optional[str] = None) -> Any:
    """Joins the cluster as a driver and returns `ray`. Errors: Environment, Unreachable, Refused, Version."""
    ray = load_ray()
    reach(address)
    options: Dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    if namespace is not None:
        options["namespace"] = namespace
    try:
        ray.init(**options)
    except BaseException as problem:
        raise _explained(address, problem) from None
    return ray


def check_token(address: str) -> None:
    """Asks the control store with the token of the environment: Ray's driver aborts the process when it is refused.
    Errors: Refused, Unreachable."""
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    shown = bool(named) or os.path.exists(os.path.expanduser("~/.ray/auth_token"))
    if os.environ.get("RAY_AUTH_MODE") == "token" and not shown:
        raise error("Refused", "RAY_AUTH_MODE is token, and there is no token", "set RAY_AUTH_TOKEN to the token of the cluster")
    client = importlib.import_module("ray._raylet").GcsClient
    try:
        client(address=address).get_all_node_info(timeout=10)
    except Exception as problem:
        raise _explained(address, problem) from None


def _explained(address: str, problem: BaseException) -> Exception:
    text = " ".join(str(problem).split())[:400]
    low = text.lower()
    if "auth" in low or "token" in low:
        return error(
            "Refused",
            f"the Ray cluster at {address} refused the token: {text}",
            "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN to the cluster's",
        )
    if "version mismatch" in low or "version" in low and "mismatch" in low:
        return error("Version", f"the cluster at {address} runs another Ray or Python: {text}", f"install {REQUIREMENT} on all nodes")
    if "raylet" in low or "node" in low:
        return error(
            "Unreachable",
            f"this machine is no node of the Ray cluster at {address}: {text}",
            "run the program on a node of the cluster, or send it there with: headrace submit --ray FILE",
        )
    text = text or type(problem).__name__
    return error("Unreachable", f"the Ray cluster at {address} cannot be joined: {text}", "look at its log folder")
