"""Amazon Simple Email Service, second API: the same identities, templates, sets and letters as `ses` has.

Beside those it has contact lists, imports, tenants, and pools of dedicated addresses, which have none. Left out:
exports, deliverability reports, multi-Region endpoints, validation of addresses, tenants' own suppression lists and
reputation, what Virtual Deliverability Manager would say, and what `ses` leaves out.
"""

from pileus.kernel import Service

sesv2 = Service("sesv2", engine="mailbox")
