"""AWS Systems Manager: Parameter Store, Run Command, Session Manager.

A way through the package, from the ground up:

    parameters, secrets, data_types, policies   what a parameter is, how it is kept, checked, and expires
    public                                      what AWS itself publishes
    filters, reading, describing                how parameters are found, read, labelled
    sharing, settings, changes                  other accounts, the account's own wishes, events
    nodes                                       instances that Systems Manager reaches
    documents, permissions                      what to do on them, and who else may read that
    commands, running, invocations              what is carried out, and what became of it
    sessions, channel, streaming                a terminal on them

Left out: everything else of Systems Manager; how many parameters an account may have; the data types
aws:ssm:integration and jsonc.
"""

from pileus.kernel import Service

ssm = Service("ssm")
