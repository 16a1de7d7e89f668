"""DAX's errors in its own words."""

from __future__ import annotations

from pileus.kernel import Fault


def value(message: str) -> Fault:
    return Fault("InvalidParameterValueException", message)


def combination(message: str) -> Fault:
    return Fault("InvalidParameterCombinationException", message)


def no_cluster(name: str) -> Fault:
    return Fault("ClusterNotFoundFault", f"Cluster {name} not found.")


def no_node(name: str) -> Fault:
    return Fault("NodeNotFoundFault", f"Node {name} not found.")


def wrong_state(name: str, status: str) -> Fault:
    return Fault("InvalidClusterStateFault", f"Cluster {name} is in the state {status}, and must be available.")
