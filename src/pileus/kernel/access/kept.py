"""What decisions and the signatures of callers have read, kept in memory until what they read changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from pileus.kernel.identity import Credential

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.store import Store

T = TypeVar("T")

MOST = 4096


class Kept:
    """Things made of access records, by whom or what they are about."""

    def __init__(self) -> None:
        self._things: dict[Hashable, Any] = {}
        self._credentials: dict[str, Credential | None] = {}
        self._limited: dict[str, bool] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of that key, made if it is not there."""
        try:
            found: T = self._things[key]
        except KeyError:
            if len(self._things) >= MOST:
                self.forget()
            found = self._things[key] = make()
        return found

    def passed(self, key: Hashable) -> bool:
        """Whether a decision of that key was made, and let its caller in."""
        return key in self._things

    def credential(self, call: Call, access_key_id: str) -> Credential | None:
        """The access key of that id, if the cloud issued it."""
        try:
            return self._credentials[access_key_id]
        except KeyError:
            if len(self._credentials) >= MOST:
                self._credentials.clear()
            found = self._credentials[access_key_id] = Credential.get(call, access_key_id)
            return found

    def credential_changed(self, store: Store, access_key_id: str) -> None:
        """A credential is being written: forget it now, and again when the write is safe or undone."""
        self._forget_credential(access_key_id)
        store.after_commit(lambda error: self._forget_credential(access_key_id))

    def _forget_credential(self, access_key_id: str) -> None:
        self._credentials.pop(access_key_id, None)

    def limited(self, call: Call, account: str) -> bool:
        """Whether an organization keeps even the root of that account from anything."""
        try:
            return self._limited[account]
        except KeyError:
            from .attached import Membership

            if len(self._limited) >= MOST:
                self._limited.clear()
            member = Membership.get(call, account)
            found = self._limited[account] = member is not None and member.limits
            return found

    def changed(self, store: Store) -> None:
        """An access record was written: forget everything now, and again when the write is safe or undone."""
        self.forget()
        store.after_commit(lambda error: self.forget())

    def forget(self) -> None:
        """Forget everything, as when the store's content is replaced."""
        self._things.clear()
        self._credentials.clear()
        self._limited.clear()
