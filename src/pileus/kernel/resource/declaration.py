"""Resources that are declared, not written: the long tail of control planes.

    class BackupVault(Resource, service=backup, cfn="AWS::Backup::BackupVault"):
        "A named container for recovery points."

        key = "BackupVaultName"
        arn = ("BackupVaultArn", "backup-vault:{BackupVaultName}")
        create, read, list, delete = "CreateBackupVault", "DescribeBackupVault", "ListBackupVaults", "DeleteBackupVault"
        exists, missing = "AlreadyExistsException", "ResourceNotFoundException"
        tags = "BackupVaultTags"
        fields = {"VaultType": "BACKUP_VAULT", "CreationDate": now, "NumberOfRecoveryPoints": 0, "Locked": False}

        @staticmethod
        def before_delete(call: Call, vault: Row) -> None:
            if vault["NumberOfRecoveryPoints"]:
                raise Fault("InvalidRequestException", "Backup vault cannot be deleted because …")

The class makes the operations that it names, on the service, bound like hand-written ones. A family that needs more
than two hooks has behaviour: write its functions, and keep only a record (see `resource_type`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pileus.kernel import tagging
from pileus.kernel.filters import Field
from pileus.kernel.resource_type import Error

from . import life
from .address import Address
from .family import Family, Row

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.operation import Service

HOOKS = {
    "before_create",
    "after_create",
    "before_update",
    "after_update",
    "before_delete",
    "after_delete",
    "entered",
    "shown",
}


class Resource:
    """A kind of resource. Its words are those below and no others."""

    key: ClassVar[str | tuple[str, ...]] = ""
    """The member that names one, as it is stored and shown; then other spellings of it in requests and answers."""
    arn: ClassVar[tuple[str, str] | None] = None
    """The member that shows the ARN, and its template; the key itself may be that member."""
    create: ClassVar[str] = ""
    read: ClassVar[str] = ""
    update: ClassVar[str] = ""
    """An operation that changes members; the same as `create` where AWS has one operation that puts."""
    list: ClassVar[str] = ""
    delete: ClassVar[str] = ""
    exists: ClassVar[Error] = ""
    """The error for a second one under the same key."""
    missing: ClassVar[Error] = ""
    """The error for one that is not there."""
    tags: ClassVar[str] = ""
    """The member of `create` that has the tags; the service's tag operations then come with it."""
    fields: ClassVar[Mapping[str, Any]] = {}
    """Further members, with the values they have at first (see `pileus.kernel.resource.fields`); None for no value."""
    states: ClassVar[str] = ""
    """Its life: `CREATING -> ACTIVE after 2s; DELETING -> gone after 1s` (see `pileus.kernel.resource.lifecycle`)."""
    parent: ClassVar[tuple[type[Resource], Error] | None] = None
    """What it belongs to, and what becomes of a deletion of the parent: `cascade`, or the error that refuses it."""
    filters: ClassVar[Mapping[str, Field]] = {}
    """Members of `list`, or names in its filters, with the member that they look at (see `pileus.kernel.filters`)."""

    # Hooks: they raise to refuse, and may change what is stored afterwards.

    @staticmethod
    def before_create(call: Call, row: Row) -> None: ...

    @staticmethod
    def after_create(call: Call, row: Row) -> None: ...

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None: ...

    @staticmethod
    def after_update(call: Call, row: Row) -> None: ...

    @staticmethod
    def before_delete(call: Call, row: Row) -> None: ...

    @staticmethod
    def after_delete(call: Call, row: Row) -> None:
        """It is gone for good."""

    @staticmethod
    def entered(call: Call, row: Row) -> None:
        """Time has brought it into its next state. This is called by a durable task."""

    @staticmethod
    def shown(call: Call, row: Row) -> dict[str, Any]:
        """Members that depend on who looks, such as addresses; `fields` names them too."""
        return {}

    family: ClassVar[Family]

    def __init_subclass__(cls, *, service: Service, cfn: str = "", scope: str = "region") -> None:
        for name, value in vars(cls).items():
            if name.startswith("__"):
                continue
            if name not in WORDS:
                raise TypeError(f"{cls.__name__}: {name} is no word of a resource declaration")
            if name in HOOKS and not isinstance(value, staticmethod):
                setattr(cls, name, staticmethod(value))
        cls.family = Family(cls, service, cfn, scope)
        life.declare(cls.family)
        if cls.tags and not any(kind.tags for kind in service.resources):
            tagging.declare(service)
        service.resources.append(cls.family.type)

    # For operations and tasks that are written beside the declaration

    @classmethod
    def find(cls, call: Call, *key: Any) -> Row | None:
        """The resource of a key, its parents' first, as it is now; or None."""
        return cls.family.find(call, *key)

    @classmethod
    def named(cls, call: Call, *key: Any) -> Row:
        """The resource of a key; raises its `missing` error if there is none."""
        return cls.family.named(call, *key)

    @classmethod
    def of(cls, operation: str) -> Callable[..., Row]:
        """What an operation acts on: `@mediastore.operation(on=Container.of("PutCorsPolicy"))`."""
        return Address(cls.family, cls.family.service.model.operation(operation)).finder()


WORDS = Resource.__annotations__.keys() - {"family"} | HOOKS
