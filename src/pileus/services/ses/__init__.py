"""Amazon Simple Email Service: identities, sending, templates, configuration sets, suppression, what becomes of mail.

A way through the package, from the ground up:

    identities, policies        who may be the sender; whom they let send
    accounts                    the sandbox, quotas, statistics
    templates, rendering        letters with places
    sets, events                configuration sets, and who is told what became of a letter
    letters, dkim, smime, sending
                                letters are made, checked, signed, and leave
    verifications               letters that ask the owners of addresses, in one's own words
    tracking                    who opens letters, and follows their links
    suppression                 addresses that get nothing more
    insights, feedback          what became of letters, kept for a month; and senders who hear of it by mail
    receipt_rules, receipt_checks, receipt_filters
                                what is done with mail that comes; what that needs; from where it is refused
    arrivals, receiving         letters that came, and the rules at work on them
    bounces                     letters that are sent back
    smtp, smtp_credentials      a port that takes letters
    imap                        ports that show mailboxes
    relaying                    letters are handed on to a server that the user names, or into folders

`sesv2` is the same service's second API, and works on what is here. Letters go nowhere, unless `--relay` says where:
they are in the cloud's mailbox, `/_pileus/mail`. An identity is verified as soon as it is asked for, as the mailbox and
the DNS of all the world are the cloud's own. A letter to a domain that is verified somewhere in the cloud, and has an
active rule set there, is received too. The rate of sending is enforced with `--throttle`, the daily
quota always.
"""

from pileus.kernel import Service

ses = Service("ses", engine="mailbox")
