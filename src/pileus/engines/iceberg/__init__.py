"""Apache Iceberg's tables: metadata, manifests and data files, as the table specification has them.

    metadata     what a table is: a new one, its current schema, the name of its next metadata file
    updates      what a commit requires of the metadata, and what it changes in them (the REST catalog's `UpdateTable`)
    manifests    which files a snapshot is made of, in Avro
    rows         rows as Parquet files, and what manifests tell of those
    snapshots    files put into a table and taken from it

All of it is pure: what has to be read and written is handed in and out as bytes. Avro wants fastavro and Parquet wants
pyarrow, which the extra `tables` brings; metadata are JSON and want neither.
"""
