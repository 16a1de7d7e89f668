"""Amazon Simple Email Service, second API: the same identities, templates, sets and letters as `ses` has.

Beside those it has contact lists, imports and exports, tenants with their reputation, endpoints of two Regions,
insights into letters and addresses, deliverability reports, and pools of dedicated addresses, which have none. Left
out: archives of letters, which are Mail Manager's, and what `ses` leaves out.
"""

from pileus.kernel import Service

sesv2 = Service("sesv2", engine="mailbox")
