"""Amazon Simple Storage Service: buckets, objects, versions, and what is set about them.

A way through the package, from the ground up:

    faults, naming, integrity, digests          what is wrong, what may be a name, what octets must agree with
    documents, buckets, access                  a bucket, what is set about it, who may come in
    seals, data                                 bytes on the disk: encrypted, in the store or in files
    objects, versions, conditions               an object, the versions under its key, and what a caller expects of it
    headers, locks, tagging, acls               what is said about an object beside its bytes
    writing, reading, copying, deleting         PUT, GET, COPY, DELETE
    uploads, completing                         multipart uploads
    listing, listing_versions                   lists
    restoring                                   archived objects
    configuration, lifecycle, replication, ...  documents of a bucket, checked and kept
    happenings, events, notifications           what follows from a change, and who is told of it
    rules, planning, sweeping, tiering          lifecycle rules and Intelligent-Tiering: what they say, how it is done
    replicating, roles                          copies elsewhere
    observing, access_logs, request_metrics     what is asked of a bucket, told elsewhere
    inventories, analytics                      reports of every night
    factors, abac, annotations, reencrypting    MFA delete, tags in policies, notes on objects, new keys in place
    policies, public                            bucket policies and the public access block
    web, websites, forms, form_policies         browsers: CORS, pages, POST uploads
    selecting, select/                          S3 Select
    points, transforming                        access points, as S3 Control makes them; Object Lambda
    directories, appending                      directory buckets: sessions, objects that grow and are renamed
    tables                                      S3 Tables: what S3 knows of tables, and who may use their files
    metadata_tables, journals                   metadata tables: what is set up, and what they are to tell

Where things lie: a bucket has a room; `Object` (room, key) is the current version under a key, `Version` (room, key,
newest first) are the older ones and all delete markers. So a list is one range scan. Bytes up to 32 KB are parcels in
the store, larger ones are blob files; both are sealed with AES-GCM under a key of their own.

Left out: what acceleration brings about; annotation tables. The access decision is the
kernel's for principals of the owner's account; about other accounts and nobody in particular, policy and ACLs decide
in `access`, with the kernel's own evaluation of policies.
"""

from pileus.kernel import Service

from .faults import accepted, in_s3_words

s3 = Service("s3", engine="files, AES-GCM", invalid=in_s3_words, overlooks=accepted)
