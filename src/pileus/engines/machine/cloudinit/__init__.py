"""What a machine does with the user data that it was started with, as cloud-init does it.

Scripts, `#cloud-config`, boot hooks, `#include`, MIME messages and archives of all these, gzipped or not; each once
for an instance or at every boot, as cloud-init's documentation says of it. cloud-init itself would take longer to
start than a machine may take to boot, and as much memory as three machines.

    parts     taking user data apart
    stages    what happens in which order
    modules   what cloud-config can ask for
"""
