"""The query language of Logs Insights (User Guide, "CloudWatch Logs Insights language query syntax").

    lexer, parser           from the text to commands; expressions become functions of a row
    functions, values       what expressions can do
    events                  from a log event to a row: the fields that a message has
    commands, aggregates    what commands do to rows
    query                   all of it: a query that is fed events and tells its results

A row is a list: each name that the query speaks of has its place in it. So a query reads of a JSON message only the
fields that it names.
"""
