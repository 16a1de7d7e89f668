"""Amazon DynamoDB: tables of items with secondary indexes, expressions, transactions, streams, PartiQL, backups.

A way through the package, from the ground up:

    numbers, values, keys                         what an item consists of, and where it lies
    tables, creating, updating, indexes           what a table is, and how it is configured
    reserved, tokens, paths, conditions, updates, key_conditions, expressions
                                                  the language of expressions
    legacy                                        what there was before it
    records, capacity, streams                    items at rest, what they cost, who is told of them
    items, writing, queries, scans, batches, transactions
                                                  what customers do all day
    lexer, statements, partiql                    the same in SQL
    permissions                                   who may do what to which items
    ttl, backups, recovery, policies, tags        what keeps a table in order

Left out, and answered with 501: export to and import from S3, global tables in both versions, Kinesis destinations,
contributor insights, vector indexes, bulk operations. Throughput is kept and told but never throttles; item
collections may grow beyond 10 GB; items lie in the store as they are, whatever encryption SSESpecification asks for.
"""

from pileus.kernel import Service

dynamodb = Service("dynamodb")
