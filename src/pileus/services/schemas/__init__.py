"""Amazon EventBridge Schemas: registries of what events look like, and discoverers that find it out.

    registries      registries with their policies, and tags
    documents       schemas and their versions
    discovery       schemas of events that were seen, and discoverers on event buses
    bindings        code of schemas: `shapes` reads them, `languages` writes the code

Left out: the registry of AWS's own events (`aws.events`).
"""

from pileus.kernel import Service

schemas = Service("schemas")
