"""Amazon Simple Email Service: identities, sending, templates, configuration sets, suppression, what becomes of mail.

A way through the package, from the ground up:

    identities, policies        who may be the sender; whom they let send
    accounts                    the sandbox, quotas, statistics
    templates, rendering        letters with places
    sets, events                configuration sets, and who is told what became of a letter
    letters, sending            letters are made, checked, and leave
    suppression                 addresses that get nothing more

`sesv2` is the same service's second API, and works on what is here. Letters go nowhere: they are in the cloud's
mailbox, `/_pileus/mail`. An identity is verified as soon as it is asked for, as the mailbox and the DNS of all the
world are the cloud's own. Left out: receiving mail, SMTP, DKIM signatures, custom verification mails, dedicated
addresses, contact lists, open and click tracking, the rate of sending (the daily quota counts).
"""

from pileus.kernel import Service

ses = Service("ses", engine="mailbox")
