"""The process that holds tokens open: `python -m pileus.engines.hsm.worker LIBRARY`, asked over its standard input.

Requests and answers are msgpack after their size in four bytes. Keys never leave a token: they are made in it, and are
neither extractable nor shown.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from typing import Any

import msgspec
import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass, TokenFlag

SIZE = struct.Struct(">I")
LABEL = 32
"""Octets of a token's label (PKCS #11, C_InitToken)."""


class Module:
    """SoftHSM2 with the tokens of one folder."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.library = pkcs11.lib(place)
        self.sessions: dict[tuple[str, str], Any] = {}
        self.keys: dict[tuple[str, str, str], Any] = {}
        """Keys that were used in the sessions that are open."""

    def tokens(self) -> list[dict[str, Any]]:
        """The tokens that there are by now, other programs may have made some."""
        self.renew()
        found = []
        for token in self.library.get_tokens():
            flags = token.flags
            if flags & TokenFlag.TOKEN_INITIALIZED:
                owned = bool(flags & TokenFlag.USER_PIN_INITIALIZED)
                locked = bool(flags & TokenFlag.USER_PIN_LOCKED)
                found.append({"label": token.label, "owned": owned, "locked": locked})
        return found

    def initialise(self, label: str, so_pin: str) -> None:
        """Make a token that has a security officer and no user yet."""
        self.renew()
        free = next(
            slot for slot in self.library.get_slots() if not slot.get_token().flags & TokenFlag.TOKEN_INITIALIZED
        )
        pin = so_pin.encode()
        text = label.encode().ljust(LABEL)
        call = ctypes.CDLL(self.place).C_InitToken
        call.argtypes = (ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
        call.restype = ctypes.c_ulong
        if code := call(free.slot_id, pin, len(pin), text):
            raise RuntimeError(f"C_InitToken: {code:#x}")
        self.renew()

    def renew(self) -> None:
        """Look into the folder anew, which ends all sessions."""
        self.sessions.clear()
        self.keys.clear()
        self.library.reinitialize()

    def session(self, token: str, pin: str) -> Any:
        """An open session of a token's user; what another program has made or changed is looked up anew."""
        if (token, pin) not in self.sessions:
            try:
                self.open(token, pin)
            except (pkcs11.NoSuchToken, pkcs11.UserPinNotInitialized):
                self.renew()
                self.open(token, pin)
        return self.sessions[token, pin]

    def open(self, token: str, pin: str) -> None:
        """Log in; the library has one user at a time of each token."""
        found = self.library.get_token(token_label=token)
        self.keys.clear()
        for label, other in list(self.sessions):
            if label == token:
                self.sessions.pop((label, other)).close()
        self.sessions[token, pin] = found.open(rw=True, user_pin=pin)

    def enter(self, token: str, pin: str) -> None:
        """Whether the user may: looked up anew, since somebody may have changed the PIN."""
        self.renew()
        self.session(token, pin)

    def generate(self, token: str, pin: str, label: str) -> None:
        """An AES key of 256 bits that cannot leave the token."""
        template = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True, Attribute.PRIVATE: True}
        self.session(token, pin).generate_key(
            KeyType.AES, 256, label=label, id=label.encode(), store=True, template=template
        )

    def key(self, token: str, pin: str, label: str) -> Any:
        session, place = self.session(token, pin), (token, pin, label)
        if place not in self.keys:
            self.keys[place] = session.get_key(object_class=ObjectClass.SECRET_KEY, label=label)
        return self.keys[place]

    def encrypt(self, token: str, pin: str, label: str, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        """AES-GCM: what is encrypted, and the tag of 16 octets."""
        found: bytes = self.key(token, pin, label).encrypt(
            data, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, aad, 128)
        )
        return found

    def decrypt(self, token: str, pin: str, label: str, nonce: bytes, data: bytes, aad: bytes) -> bytes:
        found: bytes = self.key(token, pin, label).decrypt(
            data, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, aad, 128)
        )
        return found

    def destroy(self, token: str, pin: str, label: str) -> None:
        self.key(token, pin, label).destroy()
        del self.keys[token, pin, label]

    def random(self, token: str, pin: str, size: int) -> bytes:
        found: bytes = self.session(token, pin).generate_random(8 * size)
        return found


OPERATIONS = ("tokens", "initialise", "enter", "generate", "encrypt", "decrypt", "destroy", "random")


def answered(module: Module, request: bytes) -> bytes:
    what, members = msgspec.msgpack.decode(request)
    try:
        assert what in OPERATIONS, what
        answer: dict[str, Any] = {"result": getattr(module, what)(**members)}
    except Exception as error:
        answer = {"error": type(error).__name__, "text": str(error)}
    return msgspec.msgpack.encode(answer)


def main() -> None:
    module = Module(sys.argv[1])
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(SIZE.size):
        answer = answered(module, source.read(SIZE.unpack(head)[0]))
        sink.write(SIZE.pack(len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    main()
