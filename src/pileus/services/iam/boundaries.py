"""Permissions boundaries: the managed policy that a user or role never gets beyond."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from .policies import Use, attachable


def bind(call: Call, identity: Any, policy_arn: str) -> None:
    """Let a policy be the boundary. The identity has to be put afterwards."""
    attachable(call, policy_arn)
    release(call, identity)
    identity.boundary = policy_arn
    Use(policy_arn, "PermissionsBoundary", identity.kind, identity.id).put(call)


def release(call: Call, identity: Any) -> None:
    """Let there be no boundary. The identity has to be put afterwards."""
    if identity.boundary:
        Use(identity.boundary, "PermissionsBoundary", identity.kind, identity.id).delete(call)
    identity.boundary = ""


def boundary_shown(boundary: str) -> dict[str, Any]:
    if not boundary:
        return {}
    return {
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        }
    }
