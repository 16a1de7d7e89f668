"""One conversation: what the client asks, in which state, and what it is answered."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from . import letters, searching
from .boxes import Box, Entry, Login
from .grammar import LITERAL, Malformed, Token, Word, instant, listed, literal, numbers, parsed
from .letters import Letter
from .searching import Candidate

CAPABILITIES = "IMAP4rev1 LITERAL+ SASL-IR IDLE UIDPLUS UNSELECT NAMESPACE AUTH=PLAIN"
SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
MOST_COMMAND = 1024 * 1024
MACROS = {
    b"ALL": [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"],
    b"FAST": [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"],
    b"FULL": [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"],
}
SAME = {b"RFC822": b"", b"RFC822.HEADER": b"HEADER", b"RFC822.TEXT": b"TEXT"}
"""Sections by their older names."""


class No(Exception):
    """A command that is understood, and not carried out."""


class Session:
    """A connection. `context` is for STARTTLS, where TLS was not there before."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        login: Login,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._login = login
        self._context = context
        self._box: Box | None = None
        """Whose mailbox it is, once somebody has logged in."""
        self._entries: list[Entry] | None = None
        """The letters of the selected mailbox, by their numbers."""
        self._read_only = False
        self._over = False

    async def run(self) -> None:
        """Talk until the client has had enough."""
        self.untagged(f"OK [CAPABILITY {self.capabilities()}] Pileus is ready")
        while not self._over:
            await self._writer.drain()
            command = await self._command()
            if command is None:
                return
            await self._answer(command)
        await self._writer.drain()

    def capabilities(self) -> str:
        return CAPABILITIES + (" STARTTLS" if self._context else "")

    async def _command(self) -> bytes | None:
        """A command with its literals; None at the end."""
        command = b""
        while True:
            line = await self._reader.readline()
            if not line.endswith(b"\n") or len(command) > MOST_COMMAND:
                return None
            line = line.rstrip(b"\r\n")
            announced = LITERAL.search(line)
            if not announced:
                return command + line
            size = int(announced[1])
            if size > MOST_COMMAND:
                return None
            if not announced[2]:
                self._send(b"+ Ready for literal data")
                await self._writer.drain()
            command += line + b"\r\n" + await self._reader.readexactly(size)

    async def _answer(self, command: bytes) -> None:
        tag, _, rest = command.partition(b" ")
        name, _, arguments = rest.partition(b" ")
        told = tag.decode("ascii", "replace") or "*"
        word = name.decode("ascii", "replace").upper()
        try:
            tokens = parsed(arguments)
            by_uid = word == "UID"
            if by_uid:
                word = words(tokens[:1], 1)[0].decode("ascii", "replace").upper()
                tokens = tokens[1:]
            text = await self._carry_out(word, tokens, by_uid=by_uid)
        except Malformed as error:
            self._tagged(told, f"BAD {error}")
        except No as no:
            self._tagged(told, f"NO {no}")
        else:
            self._tagged(told, f"OK {text or f'{word} completed'}")
            if word == "STARTTLS":
                await self._secure()

    async def _carry_out(self, word: str, tokens: list[Token], *, by_uid: bool) -> str | None:
        if by_uid:
            if word not in BY_UID:
                raise Malformed(f"there is no command UID {word}")
            return BY_UID[word](self, tokens, True)
        if word in REFUSED:
            raise No("[CANNOT] mailboxes are filled by the cloud alone")
        for commands, fit in (
            (ANYWHERE, True),
            (LOGGED_IN, self._box is not None),
            (SELECTED, self._entries is not None),
        ):
            if word in commands:
                if not fit:
                    raise Malformed(f"{word} is not for now")
                done = commands[word](self, tokens)
                text: str | None = await done if isinstance(done, Awaitable) else done
                return text
        raise Malformed(f"there is no command {word}")

    # Sending

    def _send(self, line: bytes) -> None:
        self._writer.write(line + b"\r\n")

    def untagged(self, text: str | bytes) -> None:
        self._send(b"* " + (text if isinstance(text, bytes) else text.encode()))

    def _tagged(self, tag: str, text: str) -> None:
        self._send(f"{tag} {text}".encode())

    # Anywhere

    def capability(self, tokens: list[Token]) -> None:
        self.untagged(f"CAPABILITY {self.capabilities()}")

    def noop(self, tokens: list[Token]) -> None:
        if self._entries is not None:
            self.look()

    def logout(self, tokens: list[Token]) -> None:
        self.untagged("BYE until next time")
        self._over = True

    def starttls(self, tokens: list[Token]) -> str:
        if not self._context:
            raise Malformed("there is TLS already, or none")
        return "Begin TLS negotiation now"

    async def _secure(self) -> None:
        await self._writer.drain()
        await self._writer.start_tls(self._context)  # type: ignore[arg-type]
        self._context = None

    def log_in(self, tokens: list[Token]) -> str:
        user, password = words(tokens, 2)
        return self._enter(user, password)

    def _enter(self, user: Word, password: Word) -> str:
        if self._box is not None:
            raise Malformed("somebody has logged in already")
        self._box = self._login(user.decode("utf-8", "replace"), password.decode("utf-8", "replace"))
        if self._box is None:
            raise No("[AUTHENTICATIONFAILED] Invalid credentials")
        return f"[CAPABILITY {self.capabilities()}] Logged in"

    async def authenticate(self, tokens: list[Token]) -> str:
        """PLAIN alone (RFC 4616)."""
        mechanism, *initial = words(tokens, len(tokens) or 1)
        if mechanism.upper() != b"PLAIN":
            raise No("There is no such mechanism")
        if initial:
            given = initial[0]
        else:
            self._send(b"+ ")
            await self._writer.drain()
            given = (await self._reader.readline()).strip()
        try:
            _, user, password = base64.b64decode(given, validate=True).split(b"\0")
        except (binascii.Error, ValueError):
            raise Malformed("these are no credentials") from None
        return self._enter(user, password)

    # With a mailbox

    @property
    def box(self) -> Box:
        assert self._box is not None
        return self._box

    @property
    def entries(self) -> list[Entry]:
        if self._entries is None:
            raise Malformed("no mailbox is selected")
        return self._entries

    def select(self, tokens: list[Token], *, read_only: bool = False) -> str:
        (name,) = words(tokens, 1)
        self._entries = None
        if name.upper() != b"INBOX":
            raise No("[NONEXISTENT] There is no such mailbox")
        self._entries, self._read_only = self.box.entries(), read_only
        flags = " ".join(SYSTEM_FLAGS)
        self.untagged(f"FLAGS ({flags})")
        self.untagged(f"{len(self._entries)} EXISTS")
        self.untagged("0 RECENT")
        unseen = [number for number, entry in enumerate(self._entries, 1) if "\\Seen" not in entry.flags]
        if unseen:
            self.untagged(f"OK [UNSEEN {unseen[0]}] the first that is unseen")
        self.untagged(f"OK [UIDVALIDITY {self.box.validity}] uids are valid")
        self.untagged(f"OK [UIDNEXT {self.next_uid()}] the next uid at least")
        self.untagged("OK [PERMANENTFLAGS ()] none" if read_only else f"OK [PERMANENTFLAGS ({flags} \\*)] are kept")
        return f"[{'READ-ONLY' if read_only else 'READ-WRITE'}] selected"

    def examine(self, tokens: list[Token]) -> str:
        return self.select(tokens, read_only=True)

    def next_uid(self) -> int:
        return max([entry.uid for entry in self._entries or self.box.entries()], default=0) + 1

    def list_boxes(self, tokens: list[Token], answer: str = "LIST") -> None:
        _, pattern = words(tokens, 2)
        if not pattern:
            self.untagged(f'{answer} (\\Noselect) "/" ""')
        elif pattern.upper() == b"INBOX" or set(pattern) & set(b"*%"):
            self.untagged(f'{answer} (\\HasNoChildren) "/" "INBOX"')

    def list_subscribed(self, tokens: list[Token]) -> None:
        self.list_boxes(tokens, "LSUB")

    def namespace(self, tokens: list[Token]) -> None:
        self.untagged('NAMESPACE (("" "/")) NIL NIL')

    def status(self, tokens: list[Token]) -> None:
        if len(tokens) != 2 or not isinstance(tokens[1], list):
            raise Malformed("STATUS takes a mailbox and a list")
        (name,), wanted = words(tokens[:1], 1), words(tokens[1], len(tokens[1]))
        if name.upper() != b"INBOX":
            raise No("[NONEXISTENT] There is no such mailbox")
        entries = self.box.entries()
        known = {
            b"MESSAGES": len(entries),
            b"RECENT": 0,
            b"UIDNEXT": max([entry.uid for entry in entries], default=0) + 1,
            b"UIDVALIDITY": self.box.validity,
            b"UNSEEN": sum("\\Seen" not in entry.flags for entry in entries),
        }
        told = [b"%s %d" % (item.upper(), known[item.upper()]) for item in wanted if item.upper() in known]
        self.untagged(b'STATUS "INBOX" ' + listed(told))

    async def idle(self, tokens: list[Token]) -> None:
        """Tell what changes until the client says DONE (RFC 2177)."""
        self._send(b"+ idling")
        await self._writer.drain()
        done = asyncio.ensure_future(self._reader.readline())
        try:
            while not done.done():
                changed = asyncio.ensure_future(self.box.changed())
                await asyncio.wait({done, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if self._entries is not None:
                    self.look()
                    await self._writer.drain()
        finally:
            done.cancel()

    # In a selected mailbox

    def look(self) -> None:
        """See what has come and gone, and tell it."""
        entries = self.box.entries()
        here, known = {entry.uid for entry in entries}, [entry.uid for entry in self.entries]
        for number in range(len(known), 0, -1):
            if known[number - 1] not in here:
                self.untagged(f"{number} EXPUNGE")
        if here - set(known):
            self.untagged(f"{len(entries)} EXISTS")
        self._entries = entries

    def close(self, tokens: list[Token]) -> None:
        if not self._read_only:
            self.box.remove([entry.uid for entry in self.entries if "\\Deleted" in entry.flags])
        self._entries = None

    def unselect(self, tokens: list[Token]) -> None:
        self._entries = None

    def expunge(self, tokens: list[Token], by_uid: bool = False) -> None:
        self._writable()
        meant = self.chosen(words(tokens, 1)[0], by_uid=True) if by_uid else list(enumerate(self.entries, 1))
        self.box.remove([entry.uid for _, entry in meant if "\\Deleted" in entry.flags])
        self.look()

    def _writable(self) -> None:
        if self._read_only:
            raise No("[READ-ONLY] the mailbox is only examined")

    def chosen(self, word: Word, *, by_uid: bool) -> list[tuple[int, Entry]]:
        """Letters and their numbers, of a set of numbers or uids."""
        entries = self.entries
        highest = (entries[-1].uid if entries else 0) if by_uid else len(entries)
        inside = numbers(word, highest)
        return [(n, one) for n, one in enumerate(entries, 1) if inside(one.uid if by_uid else n)]

    def search(self, tokens: list[Token], by_uid: bool = False) -> None:
        if tokens and not isinstance(tokens[0], list) and tokens[0].upper() == b"CHARSET":
            if words(tokens[1:2], 1)[0].upper() not in (b"UTF-8", b"US-ASCII"):
                raise No("[BADCHARSET (UTF-8 US-ASCII)] unknown")
            tokens = tokens[2:]
        entries = self.entries
        question = searching.compiled(tokens, len(entries), entries[-1].uid if entries else 0)
        found = [
            entry.uid if by_uid else number
            for number, entry in enumerate(entries, 1)
            if question(Candidate(number, entry, Letter(entry.raw())))
        ]
        self.untagged(" ".join(["SEARCH", *map(str, found)]))

    def fetch(self, tokens: list[Token], by_uid: bool = False) -> None:
        if len(tokens) != 2:
            raise Malformed("FETCH takes a set and what is wanted")
        (which,), wanted = words(tokens[:1], 1), tokens[1]
        items = words(wanted, len(wanted)) if isinstance(wanted, list) else MACROS.get(wanted.upper(), [wanted])
        if by_uid and b"UID" not in [item.upper() for item in items]:
            items = [b"UID", *items]
        seen = any(reads(item.upper()) for item in items) and not self._read_only
        for number, entry in self.chosen(which, by_uid=by_uid):
            if seen and "\\Seen" not in entry.flags:
                entry = self.flag(number, entry, entry.flags | {"\\Seen"})
                told = items if b"FLAGS" in [item.upper() for item in items] else [b"FLAGS", *items]
            else:
                told = items
            letter = Letter(entry.raw())
            values = [fetched(entry, letter, item) for item in told]
            self.untagged(b"%d FETCH %s" % (number, listed(values)))

    def flag(self, number: int, entry: Entry, flags: frozenset[str]) -> Entry:
        self.box.flag(entry.uid, flags)
        self.entries[number - 1] = entry._replace(flags=flags)
        return self.entries[number - 1]

    def store(self, tokens: list[Token], by_uid: bool = False) -> None:
        self._writable()
        if len(tokens) < 3 or isinstance(tokens[1], list):
            raise Malformed("STORE takes a set, an item and flags")
        (which, item), given = words(tokens[:2], 2), tokens[2] if isinstance(tokens[2], list) else tokens[2:]
        item = item.upper()
        flags = frozenset(spelt(flag) for flag in words(given, len(given))) - {"\\Recent"}
        change = CHANGES.get(item.removesuffix(b".SILENT"))
        if change is None:
            raise Malformed(f"there is no item {item!r}")
        for number, entry in self.chosen(which, by_uid=by_uid):
            entry = self.flag(number, entry, change(entry.flags, flags))
            if not item.endswith(b".SILENT"):
                values = [fetched(entry, None, b"FLAGS"), *([b"UID %d" % entry.uid] if by_uid else [])]
                self.untagged(b"%d FETCH %s" % (number, listed(values)))


def words(tokens: list[Token], count: int) -> list[Word]:
    if len(tokens) != count or any(isinstance(token, list) for token in tokens):
        raise Malformed(f"{count} words are wanted")
    return tokens


def reads(item: Word) -> bool:
    """Whether a letter counts as seen by whoever fetches that."""
    return item.startswith(b"BODY[") or item in (b"RFC822", b"RFC822.TEXT")


def spelt(flag: Word) -> str:
    """System flags know no case."""
    text = flag.decode("ascii", "replace")
    return next((one for one in SYSTEM_FLAGS if one.lower() == text.lower()), text)


def fetched(entry: Entry, letter: Letter | None, item: Word) -> bytes:
    """One item of a letter."""
    name = item.upper()
    if name == b"FLAGS":
        return b"FLAGS " + listed([flag.encode() for flag in sorted(entry.flags)])
    if name == b"UID":
        return b"UID %d" % entry.uid
    if name == b"INTERNALDATE":
        return b"INTERNALDATE " + instant(entry.at)
    assert letter
    if name == b"RFC822.SIZE":
        return b"RFC822.SIZE %d" % len(letter.raw)
    if name == b"ENVELOPE":
        return b"ENVELOPE " + letters.envelope(letter.message)
    if name in (b"BODY", b"BODYSTRUCTURE"):
        return name + b" " + letters.structure(letter.message, extended=name == b"BODYSTRUCTURE")
    if name in SAME:
        return name + b" " + literal(letter.section(SAME[name]))
    return letters.fetched_section(letter, item)


CHANGES: dict[bytes, Callable[[frozenset[str], frozenset[str]], frozenset[str]]] = {
    b"FLAGS": lambda held, given: given,
    b"+FLAGS": lambda held, given: held | given,
    b"-FLAGS": lambda held, given: held - given,
}
ANYWHERE: dict[str, Callable[..., Any]] = {
    "CAPABILITY": Session.capability,
    "NOOP": Session.noop,
    "LOGOUT": Session.logout,
    "STARTTLS": Session.starttls,
    "LOGIN": Session.log_in,
    "AUTHENTICATE": Session.authenticate,
}
LOGGED_IN: dict[str, Callable[..., Any]] = {
    "SELECT": Session.select,
    "EXAMINE": Session.examine,
    "LIST": Session.list_boxes,
    "LSUB": Session.list_subscribed,
    "NAMESPACE": Session.namespace,
    "STATUS": Session.status,
    "IDLE": Session.idle,
}
SELECTED: dict[str, Callable[..., Any]] = {
    "CHECK": Session.noop,
    "CLOSE": Session.close,
    "UNSELECT": Session.unselect,
    "EXPUNGE": Session.expunge,
    "SEARCH": Session.search,
    "FETCH": Session.fetch,
    "STORE": Session.store,
}
BY_UID: dict[str, Callable[..., None]] = {
    "EXPUNGE": Session.expunge,
    "SEARCH": Session.search,
    "FETCH": Session.fetch,
    "STORE": Session.store,
}
REFUSED = {"APPEND", "COPY", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "MOVE"}
