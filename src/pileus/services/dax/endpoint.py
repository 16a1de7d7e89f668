"""The endpoint of clusters: listeners that speak DAX's protocol, for as long as the cloud runs.

All nodes of a cluster answer at one address and share their caches. Where it is to be encrypted, there is none.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from pileus.kernel import Call, Fault, Principal, Unfinished, names

from . import bulk, callers, dax, methods, parameters
from . import names as attribute_names
from .answers import error
from .cache import Caches
from .clusters import Cluster
from .methods import Session
from .wire import Malformed, Reader, dumps, mapping

log = logging.getLogger("pileus.dax")

GREETING = "J7yne5G"
ANSWERED = dumps([])
LEADER = 1
AUTHORIZE = 1489122155
METHODS: dict[int, tuple[str, int, Any]] = {
    263244906: ("GetItem", 3, methods.get_item),
    -2106490455: ("PutItem", 4, methods.put_item),
    1425579023: ("UpdateItem", 3, methods.update_item),
    1013539361: ("DeleteItem", 3, methods.delete_item),
    -931250863: ("Query", 3, methods.query),
    -1875390620: ("Scan", 2, methods.scan),
    -697851100: ("BatchGetItem", 2, bulk.batch_get_item),
    116217951: ("BatchWriteItem", 2, bulk.batch_write_item),
    1866287579: ("GetItem", 4, bulk.transact_get_items),
    -1160037738: ("PutItem", 9, bulk.transact_write_items),
}
"""By the numbers of the public client: the action, how many arguments there are, and the operation."""
ENDPOINTS, DEFINE_SCHEMA, DEFINE_NAMES, DEFINE_NUMBER = 455855874, -742646399, 670678385, -1230579644


class Endpoints:
    """The listeners of a cloud's clusters, and what the clusters keep in memory."""

    def __init__(self, cloud: Any) -> None:
        self._cloud = cloud
        self._servers: dict[str, asyncio.Server] = {}
        self._caches: dict[str, Caches] = {}
        self._connections: set[asyncio.Task[Any]] = set()

    def caches(self, arn: str) -> Caches:
        return self._caches.setdefault(arn, Caches())

    async def open(self, call: Call, cluster: Cluster) -> int:
        """Listen for a cluster, where it has listened before if it has; the port."""
        arn = cluster.arn(call)
        if arn in self._servers:
            return port_of(self._servers[arn])
        where = {"account": call.account, "region": call.region, "endpoint": call.endpoint}

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(Connection(self._cloud, self, cluster.name, where, reader, writer))

        try:
            server = await asyncio.start_server(serve, "127.0.0.1", cluster.port)
        except OSError:  # somebody else has taken the port meanwhile
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers[arn] = server
        return port_of(server)

    def shut(self, arn: str) -> None:
        self._caches.pop(arn, None)
        if server := self._servers.pop(arn, None):
            server.close()

    async def _serve(self, connection: Connection) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await connection.serve()
        except (EOFError, ConnectionError, asyncio.CancelledError):
            pass
        except Malformed as problem:
            log.info("a client of DAX does not keep to the protocol: %s", problem)
        finally:
            self._connections.discard(task)
            connection.writer.close()

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


class Connection:
    """A client that speaks to a cluster."""

    def __init__(
        self,
        cloud: Any,
        endpoints: Endpoints,
        cluster: str,
        where: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._cloud = cloud
        self._endpoints = endpoints
        self._cluster = cluster
        self._where = where
        self._reader = Reader(reader)
        self.writer = writer
        self._who: Principal | None = None
        self._refused: Fault | None = None
        self._role: tuple[Principal, float] | None = None

    async def serve(self) -> None:
        if await self._reader.next() != GREETING:
            raise Malformed("The greeting is missing")
        for _ in range(4):  # layering, session, who the client is, types
            await self._reader.next()
        while True:
            if await self._reader.next() != 1:
                raise Malformed("There is one service only")
            method = await self._reader.next()
            if method == AUTHORIZE:
                self._authorize(*[await self._reader.next() for _ in range(5)])
                continue
            answer = await self._answer(method)
            await self._committed()
            self.writer.write(answer)
            await self.writer.drain()

    async def _committed(self) -> None:
        """What was answered is safe; ConnectionError where it could not be kept."""
        done: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def settled(error: BaseException | None) -> None:
            if not done.done():
                done.set_result(error)

        self._cloud.store.after_commit(settled)
        if error := await done:
            raise ConnectionError("The store has failed") from error

    def _call(self, principal: Principal | None = None) -> Call:
        call: Call = self._cloud.call("dax", principal=principal, **self._where)
        return call

    def _authorize(self, key: str, signature: str, signed: bytes, token: str | None, _agent: Any) -> None:
        self._who = self._refused = None
        try:
            self._who = callers.caller(self._call(), key, signature, signed, token)
        except Fault as fault:
            self._refused = fault

    async def _answer(self, method: Any) -> bytes:
        own = {ENDPOINTS: 0, DEFINE_SCHEMA: 1, DEFINE_NAMES: 1, DEFINE_NUMBER: 1}
        known = METHODS.get(method)
        count = known[1] if known else own.get(method)
        if count is None:
            raise Malformed(f"There is no method {method}")
        arguments = [await self._reader.next() for _ in range(count)]
        request_id = names.request_id()
        try:
            call = self._call(self._caller())
            with call.transaction():
                return ANSWERED + self._perform(call, method, arguments)
        except (Fault, Unfinished) as fault:
            return error(fault, request_id)

    def _caller(self) -> Principal:
        if self._who is None:
            raise self._refused or callers.refused("The request has not been signed.")
        return self._who

    def _perform(self, call: Call, method: int, arguments: list[Any]) -> bytes:
        cluster = Cluster.get(call, self._cluster)
        if cluster is None or cluster.status == "deleting":
            raise ConnectionError("The cluster is gone")
        if method == ENDPOINTS:
            return dumps([self._endpoint(cluster)])
        if method == DEFINE_NUMBER:
            return dumps(attribute_names.number_of(call, cluster.name, list(arguments[0])))
        if method == DEFINE_NAMES:
            return dumps(attribute_names.names_of(call, cluster.name, arguments[0]) or [])
        session = self._session(call, cluster)
        if method == DEFINE_SCHEMA:
            schema = session.schema(table_name(arguments[0]))
            return mapping({name: dumps(kind) for name, kind in schema.items()})
        action, _, operation = METHODS[method]
        callers.check(call, cluster, action)
        answer: bytes = operation(session, *arguments)
        return answer

    def _endpoint(self, cluster: Cluster) -> dict[int, Any]:
        """The one node that clients are told of, by the numbers of its members."""
        node = cluster.nodes[0]
        address = socket.inet_aton("127.0.0.1")
        return {0: 1, 1: "localhost", 2: address, 3: cluster.port, 4: LEADER, 5: node["zone"], 6: 1}

    def _session(self, call: Call, cluster: Cluster) -> Session:
        if self._role is None or self._role[1] <= call.now:
            self._role = callers.role_of(call, cluster)
        group = parameters.found(call, cluster.parameter_group)
        return Session(
            call,
            cluster,
            self._endpoints.caches(cluster.arn(call)),
            call.aws("dynamodb", principal=self._role[0]),
            (seconds(group, "record"), seconds(group, "query")),
        )


def seconds(group: parameters.ParameterGroup, kind: str) -> float:
    """How long things of a kind are kept; 0 is for ever."""
    value = int(group.values.get(f"{kind}-ttl-millis", parameters.FIVE_MINUTES)) / 1000
    return value or float("inf")


def table_name(given: Any) -> str:
    return given.decode() if isinstance(given, bytes) else str(given)


@dax.watch
async def listen(call: Call, name: str) -> None:
    """Listen for a cluster, for as long as it is there."""
    cluster = Cluster.get(call, name)
    if cluster is None or cluster.endpoint_encryption == "TLS":
        with call.transaction():
            listen.end(call, name=name)
        return
    arn, endpoints = cluster.arn(call), call.cloud.engine(Endpoints)
    try:
        with call.cloud.runner.working():
            note_port(call, name, await endpoints.open(call, cluster))
        await asyncio.Event().wait()  # until it is cancelled
    finally:
        endpoints.shut(arn)


def note_port(call: Call, name: str, port: int) -> None:
    with call.transaction():
        cluster = Cluster.get(call, name)
        if cluster is not None and cluster.port != port:
            cluster.port = port
            cluster.put(call)
