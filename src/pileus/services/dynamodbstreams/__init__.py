"""Amazon DynamoDB Streams: the door by which the changes of a table are read.

It is DynamoDB's second API and has nothing of its own: what it reads is written by, and lies with, `dynamodb`.
"""

from pileus.kernel import Service

dynamodbstreams = Service("dynamodbstreams")
