from tests.services.events.conftest import client, events, put, session

__all__ = ["client", "events", "put", "session"]
