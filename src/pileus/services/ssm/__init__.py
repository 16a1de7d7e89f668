"""AWS Systems Manager: Parameter Store.

A way through the package, from the ground up:

    parameters, secrets, data_types, policies   what a parameter is, how it is kept, checked, and expires
    public                                      what AWS itself publishes
    filters, reading, describing                how parameters are found, read, labelled
    sharing, settings, changes                  other accounts, the account's own wishes, events

Left out: everything of Systems Manager but Parameter Store; how many parameters an account may have; the data types
aws:ssm:integration and jsonc.
"""

from pileus.kernel import Service

ssm = Service("ssm")
