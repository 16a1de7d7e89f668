from tests.services.events.conftest import Queue, client, queue, session, sqs
from tests.services.events.serving import Api, api

__all__ = ["Api", "Queue", "api", "client", "queue", "session", "sqs"]
