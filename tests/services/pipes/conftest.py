from tests.services.events.conftest import Queue, client, queue, session, sqs

__all__ = ["Queue", "client", "queue", "session", "sqs"]
