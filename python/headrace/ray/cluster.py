# SPDX-License-Identifier: Apache-2.0
"""A Ray cluster on this machine: `up` starts it with a token of its own, `down` leaves nothing behind.

The head is at 127.0.0.2 and further nodes at 127.0.0.3, 127.0.0.4, ...: Ray replaces 127.0.0.1 by an outward address. Its daemons
listen on all interfaces whatever they are told; the token keeps strangers out.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Sequence

from headrace.errors import error
from headrace.ray import connection, lines, remains
from headrace.ray.state import ClusterState, exclusive

#: Objects travel over our own sockets: Ray's store gets about the least that Ray accepts.
OBJECT_STORE_BYTES = 100_000_000
_START_SECONDS = 120
#: After this time without work Ray ends a grown node.
_IDLE_SECONDS = 30
#: The id that Ray's provider for one machine takes the head for.
_GROWING_HEAD = "fffffffffffffffffffffffffffffffffffffffffffffffffff00000"
_NODES_MAX = 100
#: Ray makes sockets below its folder, with paths of 91 bytes from here on; 107 is the most.
_BASE_MAX = 16


def node_address(number: int) -> str:
    """The first is the head."""
    return f"127.0.0.{1 + number}"


def free_ports(count: int) -> List[int]:
    """Ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def new_folder() -> str:
    base = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="headrace-ray-", dir=base if len(base) <= _BASE_MAX else "/tmp")


def start_node(state: ClusterState, number: int, words: Sequence[str], extra: Mapping[str, str] = MappingProxyType({})) -> None:
    """Runs `ray start` in a session of its own and waits for it. Errors: Environment with the end of what it said."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_") and name != "HEADRACE_TOKEN"},
        **connection.cluster_environment(state),
        remains.MARK: state.mark,
        remains.NODE_MARK: str(number),
        # Ray renames its processes; their environment must stay readable, since it carries the mark.
        "SPT_NOENV": "1",
        **extra,
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--node-ip-address", node_address(number), "--disable-usage-stats"]
    # A folder for each node, as on machines of their own: in a common one, a node that unpacks a job's files deletes the others'.
    command += ["--object-store-memory", str(OBJECT_STORE_BYTES), "--temp-dir", os.path.join(state.temporary, str(number)), *words]
    with tempfile.TemporaryFile() as said:
        # Not a pipe: the daemons inherit it and would hold it open.
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True, cwd="/"
        )
        try:
            code = process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = -signal.SIGKILL
        if code != 0:
            said.seek(0)
            text = said.read().decode("utf-8", "replace").strip().splitlines()
            raise error("Environment", f"node {number} of the Ray cluster did not start: " + " / ".join(text[-5:])[-800:])


def resources_of(wishes: Sequence[str], number: int) -> Dict[str, float]:
    """The custom resources of a node from words NODE:NAME=AMOUNT. Errors: BadValue."""
    found: Dict[str, float] = {}
    for wish in wishes:
        node, colon, rest = wish.partition(":")
        name, equals, amount = rest.partition("=")
        try:
            if not (colon and equals and name and int(node) >= 1 and float(amount) > 0):
                raise ValueError
        except ValueError:
            raise error("BadValue", f"'{wish}' is no resource of a node", "write NODE:NAME=AMOUNT, such as 2:camera=1") from None
        if int(node) == number:
            found[name] = float(amount)
    return found


def growth(state: ClusterState, cpus: float, most: int) -> str:
    """Writes what Ray's autoscaler needs to start further nodes on this machine while work waits for room. Returns the path."""
    bounds = {"min_workers": 0, "max_workers": most}
    node = {"resources": {"CPU": cpus, "object_store_memory": OBJECT_STORE_BYTES}, "node_config": {}, **bounds}
    names = ["cluster_synced_files", "rsync_exclude", "rsync_filter", "initialization_commands", "setup_commands"]
    unused: Dict[str, List[str]] = {name: [] for name in names}
    for place in ("head", "worker"):
        unused.update({f"{place}_setup_commands": [], f"{place}_start_ray_commands": []})
    config = {
        **unused,
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "file_mounts_sync_continuously": False,
        "cluster_name": "headrace",
        "max_workers": most,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": _IDLE_SECONDS / 60,
        # Ray's provider for one machine; it is named for the tests that it was made for.
        "provider": {
            "type": "fake_multinode",
            "gcs_address": state.address,
            # Nodes of one machine share addresses.
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": cpus}, "node_config": {}, "max_workers": 0},
            "grown": node,
        },
        "head_node_type": "ray.head.default",
    }
    path = os.path.join(state.temporary, "autoscaling.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return path


def up(nodes: int, cpus: float, jobs: bool, wishes: Sequence[str], grow: int) -> Mapping[str, Any]:
    connection.load_ray()
    if not 1 <= nodes <= _NODES_MAX:
        raise error("BadValue", f"{nodes} nodes", f"from 1 to {_NODES_MAX}")
    for wish in wishes:
        number = wish.partition(":")[0]
        if number.isdigit() and int(number) > nodes:
            raise error("BadValue", f"'{wish}' names a node that is not asked for", "raise --nodes")
    resources = [resources_of(wishes, number) for number in range(1, nodes + 1)]
    with exclusive():
        state = ClusterState.read()
        if state is not None and is_up(state):
            lines.say(f"a cluster is up already at {state.address}; end it with: headrace cluster down")
            return document(state)
        if state is not None:
            lines.say("cleaning up what an earlier cluster left")
            clean(state)
        state = ClusterState(mark=secrets.token_hex(8), token=secrets.token_hex(32), temporary=new_folder())
        state.write()
        try:
            start_all(state, nodes, cpus or max(1, (os.cpu_count() or 1) // nodes), jobs, resources, grow)
        except BaseException:
            clean(state)
            raise
        return document(state)


def start_all(state: ClusterState, nodes: int, cpus: float, jobs: bool, resources: Sequence[Mapping[str, float]], grow: int) -> None:
    port, dashboard, client, *agents = free_ports(3 + nodes)
    words = [f"--num-cpus={cpus:g}", f"--resources={json.dumps(dict(resources[0]))}", f"--dashboard-agent-listen-port={agents[0]}"]
    lines.say(f"starting {nodes} node{'s' if nodes > 1 else ''} of a Ray cluster")
    words += ["--head", f"--port={port}", f"--ray-client-server-port={client}"]
    words += [f"--include-dashboard={'true' if jobs else 'false'}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    state.address = f"{node_address(1)}:{port}"
    extra = {}
    if grow > 0:
        words.append(f"--autoscaling-config={growth(state, cpus, grow)}")
        extra = {"RAY_FAKE_CLUSTER": "1", "RAY_OVERRIDE_NODE_ID_FOR_TESTING": _GROWING_HEAD}
    start_node(state, 1, words, extra)
    state.dashboard = f"http://127.0.0.1:{dashboard}" if jobs else ""
    state.nodes.append(node_address(1))
    state.write()
    for number in range(2, nodes + 1):
        own = [f"--num-cpus={cpus:g}", f"--resources={json.dumps(dict(resources[number - 1]))}", f"--address={state.address}"]
        start_node(state, number, [*own, f"--dashboard-agent-listen-port={agents[number - 1]}"])
        state.nodes.append(node_address(number))
        state.write()


def is_up(state: ClusterState) -> bool:
    """Whether its control store answers."""
    if not state.address or not remains.marked(state.mark, "1"):
        return False
    host, _, port = state.address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def clean(state: ClusterState) -> int:
    ended = remains.end(state.mark)
    remains.remove_folder(state.temporary)
    ClusterState.forget()
    return ended


def down(node: int) -> Mapping[str, Any]:
    """Ends the cluster, or one node of it. Errors: NotFound for a node that is not there."""
    with exclusive():
        state = ClusterState.read()
        if state is None:
            lines.say("no cluster was started here")
            return {"ended": 0}
        if node == 0:
            return {"ended": clean(state)}
        if node == 1 or node_address(node) not in state.nodes:
            raise error("NotFound", f"the cluster has no node {node} that could be ended alone", "leave --node out to end the cluster")
        ended = remains.end(state.mark, str(node))
        state.nodes.remove(node_address(node))
        state.write()
        return {"ended": ended}


def document(state: ClusterState) -> Dict[str, Any]:
    return {"up": True, "address": state.address, "dashboard": state.dashboard, "nodes": state.nodes}


def status(address: str) -> Mapping[str, Any]:
    """Nodes, what they have and what is free. Errors: those of `connection.connect`."""
    state = ClusterState.read()
    if address == "auto" and (state is None or not is_up(state)) and not os.environ.get("RAY_ADDRESS"):
        return {"up": False, "leftovers": len(remains.marked(state.mark)) if state is not None else 0}
    found = connection.resolve(address)
    connection.load_ray()
    connection.reach(found)
    connection.check_token(found)
    began = time.monotonic()
    ray = connection.connect(found)
    actors = supervisors()
    rows = []
    for node in ray.nodes():
        here = [actor for actor in actors if actor["node"] == node["NodeID"]]
        rows.append(
            {
                "id": node["NodeID"],
                "address": node["NodeManagerAddress"],
                "alive": bool(node["Alive"]),
                "cpu": node["Resources"].get("CPU", 0),
                "gpu": node["Resources"].get("GPU", 0),
                "memory_bytes": int(node["Resources"].get("memory", 0)),
                "resources": custom(node["Resources"]),
                "supervisors": len(here),
            }
        )
    free = ray.available_resources()
    answer = {"up": True, "address": found, "dashboard": state.dashboard if state is not None and state.address == found else ""}
    seconds = round(time.monotonic() - began, 3)
    ray.shutdown()
    return {**answer, "nodes": rows, "cpu_free": free.get("CPU", 0), "gpu_free": free.get("GPU", 0), "joined_in_s": seconds}


def supervisors() -> List[Dict[str, str]]:
    """Living supervisors by node, from the control store: it needs no dashboard."""
    from ray._private import state as control  # type: ignore[import-not-found,unused-ignore]

    table = control.actors()
    found = []
    for actor in table.values():
        if actor.get("State") == "ALIVE" and str(actor.get("ActorClassName", "")).endswith("Supervisor"):
            found.append({"node": str(actor["Address"].get("NodeID", ""))})
    return found


def custom(resources: Mapping[str, float]) -> Dict[str, float]:
    own = ("CPU", "GPU", "memory", "object_store_memory")
    return {name: amount for name, amount in resources.items() if name not in own and not name.startswith(("node:", "accelerator_type:"))}


def main(words: List[str]) -> int:
    parser = argparse.ArgumentParser("headrace.ray cluster", allow_abbrev=False)
    parts = parser.add_subparsers(dest="action", required=True)
    starting = parts.add_parser("up")
    starting.add_argument("--nodes", type=int, default=1)
    starting.add_argument("--cpus", type=float, default=0)
    starting.add_argument("--no-jobs", action="store_true")
    starting.add_argument("--resource", action="append", default=[])
    starting.add_argument("--grow", type=int, default=0)
    ending = parts.add_parser("down")
    ending.add_argument("--node", type=int, default=0)
    asking = parts.add_parser("status")
    asking.add_argument("--address", default="auto")
    given = parser.parse_args(words)
    if given.action == "up":
        return lines.answering(lambda: up(given.nodes, given.cpus, not given.no_jobs, given.resource, given.grow))
    if given.action == "down":
        return lines.answering(lambda: down(given.node))
    return lines.answering(lambda: status(given.address))
