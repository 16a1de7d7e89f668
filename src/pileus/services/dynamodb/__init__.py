"""Amazon DynamoDB: tables of items with secondary indexes, expressions, transactions, streams, PartiQL, backups.

A way through the package, from the ground up:

    numbers, values, keys                         what an item consists of, and where it lies
    tables, creating, updating, deleting, describing
                                                  what a table is, and how it is configured
    reserved, tokens, paths, conditions, updates, key_conditions, expressions
                                                  the language of expressions
    legacy                                        what there was before it
    records, capacity, throttling                 items at rest, what they cost, and what is too much
    streams, destinations                         who is told of changes
    vectors, searching                            items by the likeness of vectors
    replication, groups, replicas, accounts, global_tables
                                                  tables that are in several Regions and accounts
    items, writing, queries, scans, batches, transactions
                                                  what customers do all day
    lexer, statements, partiql                    the same in SQL
    permissions                                   who may do what to which items
    recovery, snapshots, spans                    what a table was
    backups, restoring, exports, filtering, imports, bulk, documents
                                                  copies of tables
    ttl, policies, tags, insights, autoscaling    what keeps a table in order

Throughput is enforced where that is asked for (`throttling`); item collections may grow beyond 10 GB; items lie in the
store as they are, whatever encryption SSESpecification asks for.
"""

from pileus.kernel import Service

dynamodb = Service("dynamodb")
