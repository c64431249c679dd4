# SPDX-License-Identifier: Apache-2.0
"""What a group of workers asks of Ray: resources of a slot, and where slots go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Sequence

from headrace.errors import error

#: All slots of a group at once or none, by a placement group; "free" places each as soon as there is room.
STRATEGIES = {"free": "", "pack": "PACK", "spread": "SPREAD", "strict_pack": "STRICT_PACK", "strict_spread": "STRICT_SPREAD"}
_SLOTS_MAX = 4096


@dataclass(frozen=True)
class Wish:
    """A group of equal slots, as the driver asks for it."""

    group: str
    slots: int
    command: List[str]
    cpu: float = 1
    memory_bytes: int = 0
    gpu: float = 0
    custom: Mapping[str, float] = field(default_factory=dict)
    placement: str = "free"
    node: str = ""                   # id or address of the node that all go to; empty: any
    data_flag: bool = True           # the worker takes --data-host
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Wish":
        """Errors: Protocol."""
        try:
            wish = cls(**document)
        except TypeError as problem:
            raise error("Protocol", f"a wish is malformed: {problem}") from None
        sound = isinstance(wish.group, str) and wish.group.isidentifier() and isinstance(wish.slots, int) and 0 <= wish.slots <= _SLOTS_MAX
        if not sound or wish.placement not in STRATEGIES or not wish.command or (wish.node and wish.placement != "free"):
            raise error("Protocol", "a wish is malformed: group, slots, placement, command or node")
        return wish

    def bundle(self) -> Dict[str, float]:
        """One slot, as Ray counts it."""
        out: Dict[str, float] = {"CPU": self.cpu} if self.cpu else {}
        if self.gpu:
            out["GPU"] = self.gpu
        if self.memory_bytes:
            out["memory"] = float(self.memory_bytes)
        return {**out, **self.custom}

    def flags(self) -> List[str]:
        """The same for the worker, which tells the driver."""
        out = ["--cpu", f"{self.cpu:g}"] if self.cpu else []
        if self.memory_bytes:
            out += ["--memory", str(self.memory_bytes)]
        if self.gpu:
            out += ["--gpu", f"{self.gpu:g}"]
        return out

    def actor_options(self) -> Dict[str, Any]:
        options: Dict[str, Any] = {"num_cpus": self.cpu}
        if self.gpu:
            options["num_gpus"] = self.gpu
        if self.memory_bytes:
            options["memory"] = self.memory_bytes
        if self.custom:
            options["resources"] = dict(self.custom)
        return options

    def fits(self, nodes: Sequence[Mapping[str, Any]]) -> int:
        """How many slots these nodes hold when nothing else runs there."""
        return sum(self._on(node["resources"]) for node in nodes if not self.node or self.node in (node["id"], node["ip"]))

    def _on(self, resources: Mapping[str, float]) -> int:
        asked = {name: amount for name, amount in self.bundle().items() if amount > 0}
        if not asked:
            return _SLOTS_MAX
        return min(int(resources.get(name, 0) / amount + 1e-9) for name, amount in asked.items())


def alive_nodes(ray: Any) -> List[Dict[str, Any]]:
    """Nodes that Ray takes for alive, by address."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    rows = [{"id": node["NodeID"], "ip": node["NodeManagerAddress"], "resources": dict(node["Resources"])} for node in alive]
    return sorted(rows, key=lambda row: (str(row["ip"]), str(row["id"])))


class Places:
    """Where the slots of one group go: made once, found again by the next gateway."""

    def __init__(self, ray: Any, wish: Wish, name: str) -> None:
        self._ray = ray
        self._wish = wish
        self.name = name if STRATEGIES[wish.placement] else ""
        self._group: Any = None
        if not self.name:
            return
        try:
            self._group = ray.util.get_placement_group(self.name)
        except ValueError:
            bundles = [wish.bundle() for _ in range(wish.slots)]
            # Detached: it outlives a gateway as its actors do.
            self._group = ray.util.placement_group(bundles, strategy=STRATEGIES[wish.placement], name=self.name, lifetime="detached")

    def strategy(self, number: int) -> Any:
        """For slot `number`, counted from 1. Errors: Unreachable when its node is not there."""
        strategies = self._ray.util.scheduling_strategies
        if self._group is not None:
            return strategies.PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=number - 1)
        if self._wish.node:
            for node in alive_nodes(self._ray):
                if self._wish.node in (node["id"], node["ip"]):
                    return strategies.NodeAffinitySchedulingStrategy(node["id"], soft=False)
            raise error("Unreachable", f"the cluster has no node {self._wish.node}", "look at `headrace cluster status`")
        return "DEFAULT"

    def remove(self) -> None:
        if self._group is not None:
            self._ray.util.remove_placement_group(self._group)
            self._group = None
