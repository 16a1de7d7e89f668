"""What a service says of its resources: how one is named, its ARN, and the operations of its life.

A declared `Resource` says it by being one. A hand-written record says it in one decorator:

    @resource_type(sqs, "QueueUrl", create="CreateQueue", read="GetQueueAttributes", delete="DeleteQueue")
    class Queue(Record, arn="{name}", cfn="AWS::SQS::Queue"): ...

Whoever asks `resource_types(service)` learns of both alike: tagging, coverage, the access decision, CloudFormation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import Fault
from .record import Record

if TYPE_CHECKING:
    from .call import Call
    from .operation import Service

R = TypeVar("R", bound=type[Record])

ROLES = ("create", "read", "update", "list", "delete")

Error = str | tuple[str, str]
"""One of the service's errors by its name, perhaps with what it says: `("NoSuchVault", "There is no vault {}.")`."""


class ArnTemplate:
    """An ARN with places: `backup-vault:{BackupVaultName}` is what comes after the account.

    A template may also be whole, where AWS leaves parts empty (`arn:{partition}:iam::{account}:role/{RoleName}`), or
    begin with another ARN (`{AcceleratorArn}/listener/{Id}`).
    """

    def __init__(self, template: str, namespace: str) -> None:
        if not re.match(r"arn:|\{\w*arn\}", template, re.IGNORECASE):
            template = f"arn:{{partition}}:{namespace}:{{region}}:{{account}}:{template}"
        self.template = template
        self._pieces = list(Formatter().parse(template))
        self._places = [name for _, name, _, _ in self._pieces if name]
        self.names = [name for name in self._places if name not in ("partition", "region", "account")]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Few of a service's ARNs are read in a run."""
        return re.compile("".join(re.escape(text) + _place(name, self._places) for text, name, _, _ in self._pieces))

    def render(self, call: Call, values: Mapping[str, Any]) -> str:
        """The ARN; KeyError where a value is missing."""
        return self.template.format_map(
            {**values, "partition": call.partition, "region": call.region, "account": call.account}
        )

    def parse(self, call: Call, arn: str) -> dict[str, str] | None:
        """The values in an ARN of this form of the call's own account and Region."""
        found = self._pattern.fullmatch(arn)
        if found is None:
            return None
        values = found.groupdict()
        where = (("partition", call.partition), ("region", call.region), ("account", call.account))
        return values if all(values.get(name, here) == here for name, here in where) else None


def _place(name: str | None, names: list[str]) -> str:
    """A place holds no separator, except an ARN, and the last one: names such as log groups' have slashes."""
    if not name:
        return ""
    if name.lower().endswith("arn"):
        return f"(?P<{name}>arn:.+)"
    return f"(?P<{name}>.+)" if name == names[-1] else f"(?P<{name}>[^:/]+)"


@dataclass(frozen=True)
class ResourceType:
    """A kind of thing that customers own."""

    service: Service
    name: str
    record: type[Record]
    identifier: tuple[str, ...]
    """The members of its requests that say which one is meant, its parents' first."""
    cfn: str = ""
    arn: str = ""
    """The template of its ARN, with the names of `key`."""
    key: tuple[str, ...] = ()
    """The names, in the ARN's template, of what makes up the record's key."""
    operations: Mapping[str, str] = field(default_factory=dict)
    """The operations of its life by their roles: create, read, update, list, delete."""
    missing: Error = ""
    """The error for one that is not there."""
    tags: str = ""
    """The member of `create` that has its tags."""
    tagged: bool = False
    """Whether it can have tags: its record then has them as a field."""
    get: Callable[..., Record | None] | None = None
    """Finds the living one under a key, where the record's own `get` may find a dead one."""

    @cached_property
    def template(self) -> ArnTemplate | None:
        return ArnTemplate(self.arn, arn_namespace(self.service)) if self.arn else None

    def key_of(self, call: Call, arn: str) -> tuple[Any, ...] | None:
        """The key of the record that an ARN names, whether or not it is there; None for an ARN of something else."""
        values = self.template.parse(call, arn) if self.template else None
        return None if values is None else tuple([values.get(name, arn) for name in self.key])

    def find(self, call: Call, *key: Any) -> Any:
        """The record under a key, or None."""
        return (self.get or self.record.get)(call, *key)

    def find_by_arn(self, call: Call, arn: str) -> Any:
        """The record that an ARN names, or None."""
        key = self.key_of(call, arn)
        found = None if key is None else self.find(call, *key)
        return found if found and self._has(call, found, arn) else None

    def _has(self, call: Call, found: Any, arn: str) -> bool:
        """Whether it is this record's ARN: the key alone does not say so where the ARN has more than the key."""
        assert self.template
        if set(self.template.names) <= {*self.key}:
            return True
        fields = {name: getattr(found, name) for name in found.__struct_fields__}
        return self.template.render(call, fields | fields.get("members", {})) == arn

    def absent(self, what: Any) -> Fault:
        """The error that says there is none of that name or ARN."""
        return about(self.service, self.missing, f"{self.name} {{}} does not exist.", what, self.name)

    def check(self) -> None:
        """Raise TypeError where the model does not know what is declared."""
        where = f"{self.service.name}.{self.name}"
        for role, name in self.operations.items():
            if name not in self.service.model.operation_names:
                raise TypeError(f"{where}: {role}: the model has no operation {name}")
        if self.template and not set(self.template.names) <= {*self.key, *self.record.__struct_fields__}:
            raise TypeError(f"{where}: {self.arn} names what the record has not")
        if self.missing and not self.service.model.knows_error(code_of(self.missing)):
            raise TypeError(f"{where}: the model has no error {code_of(self.missing)}")


def code_of(error: Error) -> str:
    return error if isinstance(error, str) else error[0]


def about(service: Service, error: Error, text: str, what: Any, kind: str) -> Fault:
    """An error about one resource, with the members by which many models let it be told: resourceId, resourceType."""
    code, text = (error, text) if isinstance(error, str) else error
    shape = service.model.exception(code)
    told = {"resourceid": str(what), "resourcename": str(what), "resourcetype": kind}
    members = {name: told[name.lower()] for name in (shape.members if shape else ()) if name.lower() in told}
    return Fault(code or "ResourceNotFoundException", text.format(what), status=None if shape else 400, **members)


def arn_namespace(service: Service) -> str:
    """What stands for a service in ARNs: for nearly all of them the name that requests are signed with."""
    metadata = service.model.metadata
    return str(metadata.get("signingName") or metadata["endpointPrefix"])


def resource_type(service: Service, *identifier: str, missing: Error = "", **operations: str) -> Callable[[R], R]:
    """Say of a record that it is a resource: named by these members of its requests, with these operations."""
    if unknown := operations.keys() - set(ROLES):
        raise TypeError(f"{service.name}: {sorted(unknown)} are no roles of operations")

    def declare(record: R) -> R:
        service.resources.append(
            ResourceType(
                service,
                record.__name__,
                record,
                identifier,
                cfn=record.cfn_type,
                arn=record.arn_template,
                key=record.layout.key,
                operations=operations,
                missing=missing,
                tagged="tags" in record.__struct_fields__,
            )
        )
        return record

    return declare


def resource_types(service: Service) -> list[ResourceType]:
    """The resource types of a service, checked against its model."""
    for declared in service.resources:
        declared.check()
    return list(service.resources)
