"""Amazon Simple Email Service, second API: the same identities, templates, sets and letters as `ses` has.

Left out: contact lists, dedicated addresses, deliverability reports, jobs, tenants, multi-Region endpoints, custom
verification mails, Virtual Deliverability Manager, and what `ses` leaves out.
"""

from pileus.kernel import Service

sesv2 = Service("sesv2", engine="mailbox")
