"""S3 Select: SQL over one object, with DuckDB as the engine.

`grammar` parses the expression with sqlglot, `translation` makes DuckDB's SQL of the tree (nobody's own SQL gets
there), `records` cuts the object's bytes into batches of whole records, `engine` has DuckDB answer for each, which
it gets as a parameter: it may open no files at all, but for the one that is a Parquet object. `output` writes records.

Left out: names are compared with case, quoted or not.
"""
