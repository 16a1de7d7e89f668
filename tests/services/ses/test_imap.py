"""The cloud's mailboxes as Python's own imaplib reads them."""

from __future__ import annotations

import email
import email.policy
import imaplib
import mailbox
import re
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pileus
from pileus.testing.account import Account

ADA = "ada@example.com"


@pytest.fixture(scope="module")
def post() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(listen={"ses/imap": 0, "ses/imaps": 0}, sockets=True) as cloud:
        yield cloud


class Box:
    """Somebody's mailbox, and whoever writes to it."""

    def __init__(self, post: pileus.LocalCloud, account: Account) -> None:
        self.account = account
        self.address = f"bob@b{account.id}.example.com"
        self.ses = account.client("ses")
        for name in (ADA, self.address.partition("@")[2]):
            self.ses.verify_email_identity(EmailAddress=name) if "@" in name else self.ses.verify_domain_identity(
                Domain=name
            )
        self.imap = imaplib.IMAP4("localhost", post.server.ports["ses/imap"].port, timeout=10)

    def send(self, subject: str = "books", text: str = "hello", **body: Any) -> str:
        message = {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}, **body}}
        to = {"ToAddresses": [self.address]}
        name: str = self.ses.send_email(Source=f"Ada <{ADA}>", Destination=to, Message=message)["MessageId"]
        return name

    def open(self, user: str = "") -> imaplib.IMAP4:
        assert self.imap.login(user or self.address, "any")[0] == "OK"
        assert self.imap.select("INBOX")[0] == "OK"
        return self.imap

    def found(self, *criteria: str) -> list[bytes]:
        status, (numbers,) = self.imap.search(None, *criteria)
        assert status == "OK"
        return list(numbers.split())

    def fetched(self, numbers: str, items: str) -> bytes:
        status, data = self.imap.fetch(numbers, items)
        assert status == "OK"
        return b"".join(b"\r\n".join(one) if isinstance(one, tuple) else one for one in data if one)


@pytest.fixture
def box(post: pileus.LocalCloud) -> Iterator[Box]:
    box = Box(post, post.account())
    yield box
    box.imap.logout()


def test_letters_are_listed_read_and_deleted(box: Box) -> None:
    names = [box.send(f"book {number}") for number in range(3)]
    imap = box.open()
    assert box.found("ALL") == [b"1", b"2", b"3"]
    assert box.found("UNSEEN") == [b"1", b"2", b"3"]
    _status, data = imap.fetch("2", "(RFC822)")
    letter = email.message_from_bytes(data[0][1], policy=email.policy.default)
    assert (letter["Subject"], letter["Message-ID"]) == ("book 1", f"<{names[1]}@us-east-1.amazonses.com>")
    assert data[0][0].startswith(b"2 (FLAGS (\\Seen) RFC822 {")
    assert box.found("UNSEEN") == [b"1", b"3"]
    assert imap.store("1", "+FLAGS", "(\\Deleted keyword)")[1] == [b"1 (FLAGS (\\Deleted keyword))"]
    assert box.found("KEYWORD", "keyword") == [b"1"]
    assert imap.expunge() == ("OK", [b"1"])
    assert box.found("ALL") == [b"1", b"2"]
    imap.close()
    assert imap.select("INBOX", readonly=True) == ("OK", [b"2"])
    assert imap.store("1", "+FLAGS", "\\Flagged")[0] == "NO"
    box.fetched("1", "(BODY[])")
    assert box.found("UNSEEN") == [b"2"]


def test_uids_stay_as_letters_go(box: Box) -> None:
    for number in range(3):
        box.send(str(number))
    imap = box.open()
    _status, (text,) = imap.uid("SEARCH", "ALL")
    uids = text.split()
    assert uids == sorted(uids, key=int) and len(set(uids)) == 3
    imap.uid("STORE", uids[0].decode(), "+FLAGS.SILENT", "(\\Deleted)")
    imap.expunge()
    _status, data = imap.uid("FETCH", uids[2].decode(), "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    assert data[0][0].startswith(b"2 (UID " + uids[2]) and data[0][1] == b"Subject: 2\r\n\r\n"
    assert imap.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)")[1][0].startswith(b'"INBOX" (MESSAGES 2 UNSEEN 2 UIDNEXT ')


def test_criteria(box: Box) -> None:
    box.send("Größe", "about sizes")
    box.send("cats", "about Katzen")
    box.send("dogs", "about dogs" + "!" * 5000)
    box.open()
    box.fetched("2", "(BODY[])")
    for criteria, numbers in (
        (("SUBJECT", '"cat"'), "2"),
        (("TEXT", '"about"'), "1 2 3"),
        (("BODY", '"katzen"'), "2"),
        (("FROM", '"ada@example"'), "1 2 3"),
        (("TO", '"nobody"'), ""),
        (("NOT", "SUBJECT", '"dogs"'), "1 2"),
        (("OR", "SUBJECT", '"dogs"', "SEEN"), "2 3"),
        (("(UNSEEN SUBJECT dogs)",), "3"),
        (("LARGER", "5000"), "3"),
        (("HEADER", "Message-ID", '""'), "1 2 3"),
        (("SINCE", "1-Jan-2000"), "1 2 3"),
        (("BEFORE", "1-Jan-2000"), ""),
        (("2:*",), "2 3"),
        (("UNDELETED", "1,3"), "1 3"),
    ):
        assert box.found(*criteria) == numbers.encode().split(), criteria
    box.imap.literal = "größe".encode()
    assert box.imap.search("UTF-8", "SUBJECT")[1] == [b"1"]
    with pytest.raises(imaplib.IMAP4.error):
        box.found("NONSENSE")


def test_structure_envelope_and_sections(box: Box) -> None:
    box.send("parts", "plain", Html={"Data": "<b>rich</b>"})
    box.open()
    whole = box.fetched("1", "(RFC822.SIZE ENVELOPE BODYSTRUCTURE INTERNALDATE)")
    assert b'("Ada" NIL "ada" "example.com")' in whole and b'"parts"' in whole
    assert b'"alternative"' in whole and b'("text" "plain" ("charset" "utf-8")' in whole
    assert b'("text" "html"' in whole and b"INTERNALDATE " in whole
    assert b"plain" in box.fetched("1", "(BODY.PEEK[1])")
    assert b"<b>rich</b>" in box.fetched("1", "(BODY.PEEK[2])")
    assert b"text/html" in box.fetched("1", "(BODY.PEEK[2.MIME])")
    _status, data = box.imap.fetch("1", "(BODY.PEEK[1]<0.3>)")
    assert data[0] == (b"1 (BODY[1]<0> {3}", b"pla")
    header = box.fetched("1", "(BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)])")
    assert b"From:" in header and b"Subject:" not in header
    size = int(re.search(rb"RFC822.SIZE (\d+)", whole)[1])  # type: ignore[index]
    _status, data = box.imap.fetch("1", "(BODY.PEEK[])")
    assert len(data[0][1]) == size
    assert box.found("UNSEEN") == [b"1"]


def test_who_sees_what(post: pileus.LocalCloud, box: Box) -> None:
    box.send()
    other = Box(post, post.account())
    other.send("others")
    port = post.server.ports["ses/imap"].port
    for user, subject in (
        (box.address, "books"),
        ("@" + box.address.partition("@")[2], "books"),
        (box.account.id, "books"),
        ("*", "others"),
    ):
        with imaplib.IMAP4("localhost", port, timeout=10) as imap:
            imap.login(user, "any")
            _status, (count,) = imap.select()
            data = imap.fetch(count.decode(), "(BODY[HEADER.FIELDS (SUBJECT)])")[1]
            assert data[0][1] == f"Subject: {subject}\r\n\r\n".encode(), user
    with imaplib.IMAP4("localhost", port) as imap, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.login("nobody", "any")
    other.imap.logout()


def test_tls_and_plain_credentials(post: pileus.LocalCloud, box: Box) -> None:
    box.send()
    trust = ssl.create_default_context(cafile=str(post.server.certificates.authority))
    box.imap.starttls(trust)
    assert "STARTTLS" not in box.imap.capabilities
    box.imap.authenticate("PLAIN", lambda _: f"\0{box.address}\0any".encode())
    assert box.imap.select() == ("OK", [b"1"])
    with imaplib.IMAP4_SSL("localhost", post.server.ports["ses/imaps"].port, ssl_context=trust, timeout=10) as imap:
        imap.login(box.address, "any")
        assert imap.select() == ("OK", [b"1"])
        assert imap.list()[1] == [b'(\\HasNoChildren) "/" "INBOX"']
        assert imap.select("Drafts")[0] == "NO"
        assert imap.append("INBOX", None, None, b"x")[0] == "NO"


def test_what_comes_meanwhile_is_told(box: Box) -> None:
    imap = box.open()
    box.send()
    imap.noop()
    assert imap.response("EXISTS")[1] == [b"0", b"1"]
    sender = threading.Thread(target=lambda: (time.sleep(0.2), box.send()))
    imap.send(b"X1 IDLE\r\n")
    assert imap.readline().startswith(b"+")
    sender.start()
    assert imap.readline() == b"* 2 EXISTS\r\n"
    imap.send(b"DONE\r\n")
    assert imap.readline().startswith(b"X1 OK")
    sender.join()


def test_the_mailbox_is_emptied_with_the_outbox(post: pileus.LocalCloud, box: Box) -> None:
    import urllib.request

    box.send()
    box.open()
    urllib.request.urlopen(urllib.request.Request(f"{post.endpoint}/_pileus/mail", method="DELETE")).close()
    box.imap.noop()
    assert box.found("ALL") == []
    box.send("later")
    box.imap.noop()
    assert box.found("ALL") == [b"1"]


def test_letters_lie_in_maildirs_where_that_is_asked_for(tmp_path: Path) -> None:
    with pileus.cloud(maildir=tmp_path, sockets=True) as cloud:
        ses = cloud.account().client("ses")
        for address in (ADA, "bob@example.com"):
            ses.verify_email_identity(EmailAddress=address)
        message = {"Subject": {"Data": "books"}, "Body": {"Text": {"Data": "hello"}}}
        ses.send_email(Source=ADA, Destination={"ToAddresses": ["bob@example.com"]}, Message=message)
        cloud.clock.advance(1)
    box = mailbox.Maildir(tmp_path / "bob@example.com", create=False)
    assert sorted(str(one["Subject"]).strip()[:5] for one in box) == ["Amazo", "books"]
    assert sorted(one.name for one in tmp_path.iterdir()) == [ADA, "bob@example.com"]
