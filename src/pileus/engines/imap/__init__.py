"""An IMAP server (RFC 3501, IMAP4rev1) for mailboxes that somebody else keeps: what mail programs and imaplib speak.

    grammar      commands taken apart, answers put together
    letters      a letter and its parts: structure, envelope, sections
    searching    what SEARCH looks for
    boxes        what a mailbox has to be able to do
    session      one conversation

Each login has one mailbox, INBOX. Left out: what would bring letters into mailboxes or between them (APPEND, COPY,
CREATE): those answer NO. Extensions: IDLE, UIDPLUS without APPENDUID, UNSELECT, NAMESPACE, LITERAL+, SASL-IR.
"""
