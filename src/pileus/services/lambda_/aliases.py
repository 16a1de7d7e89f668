"""Aliases: names for versions, which may send a share of the invocations to a second one."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record


class Alias(Record, key=("function", "name"), arn="function:{function}:{name}", cfn="AWS::Lambda::Alias", kw_only=True):
    function: str
    name: str
    version: str
    """`$LATEST` or a number."""
    description: str = ""
    weights: dict[str, float] = {}
    """What share of the invocations goes to another version."""
    revision: str = ""

    def shown(self, call: Call) -> dict[str, Any]:
        routing = {"RoutingConfig": {"AdditionalVersionWeights": self.weights}} if self.weights else {}
        return {
            "AliasArn": self.arn(call),
            "Name": self.name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision,
            **routing,
        }
