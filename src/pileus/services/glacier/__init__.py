"""Amazon S3 Glacier: vaults of archives that are put quickly and come back slowly, on the cloud's clock.

    faults, tree_hash           what is wrong; the checksum that everything is compared with
    storage                     bytes on the disk, encrypted, as they come and as they go
    vaults, inventories         vaults, and what is known of their contents once a day
    policies, locks, access     access policies, vault locks, and how the access decision sees both
    archives, uploads           archives in one piece and in parts
    jobs, output                retrievals with their delays, and what they bring
    retrievals                  the account's data retrieval policy and its provisioned capacity

Left out: select jobs (Glacier takes none any more, and says so); tape-speed surprises: a job takes the middle of the
time that its tier promises.
"""

from typing import Any

from pileus.kernel import Call, Service

from .faults import in_glaciers_words

glacier = Service("glacier", engine="files, AES-CTR", invalid=in_glaciers_words)


@glacier.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account of the path; a hyphen is the caller's own."""
    account = str(request.get("accountId", "-"))
    return call.principal.account if account == "-" else account.replace("-", "")
