"""The Python runtime: it imports the handler, asks the Runtime API for events, and answers them.

It behaves as AWS's own (awslambdaric) does, but needs nothing beyond the standard library of any Python from 3.8 on,
and is loaded already when an environment starts, because the launcher has imported it. Answer and next question go out
in one piece (HTTP pipelining), which saves a trip.
"""

import decimal
import importlib
import io
import logging
import math
import os
import socket
import sys
import time
import traceback

import snapshot_restore_py

try:
    import simplejson as json
except ImportError:
    import json

THIS = os.path.basename(__file__)
ROOT = "/2018-06-01/runtime"
NO_BREAK = "\u00a0"
"""Lambda's logs keep the indentation of tracebacks by these."""
LEVELS = {"TRACE": logging.DEBUG, "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING}
FRAMES = {"TRACE": 1, "DEBUG": 2, "INFO": 3, "WARN": 4, "WARNING": 4, "ERROR": 5, "FATAL": 6, "CRITICAL": 6}


class Fault(Exception):
    """What is wrong with the handler or its answer, as Lambda names it."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = "Runtime." + kind
        self.trace = list(trace)


# JSON


class _Number(float):
    """A decimal number as it was written."""


class Encoder(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, decimal.Decimal):
            if o.is_nan():
                return math.nan
            raw = getattr(json, "raw_json", None)
            if raw is not None:
                return raw.RawJSON(str(o))
            return int(o) if o == o.to_integral_value() else float(o)
        return super().default(o)


def encoder(version):
    options = {"ensure_ascii": version < (3, 12), "allow_nan": True}
    if json.__name__ == "simplejson":
        options["use_decimal"] = False
    return Encoder(**options)


ENCODER = encoder(sys.version_info[:2])


# The Runtime API


class Client:
    """A connection to the Runtime API that stays open."""

    def __init__(self, address):
        self.address = address
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.waiting = 0
        """Answers that were asked for and are still to come."""

    def post(self, path, body, headers=()):
        return self._request("POST", path, body, headers)

    def get(self, path):
        return self._request("GET", path)

    def _request(self, method, path, body=b"", headers=()):
        lines = ["%s %s%s HTTP/1.1" % (method, ROOT, path), "Host: " + self.address]
        lines += ["%s: %s" % pair for pair in headers]
        if method == "POST":
            lines.append("Content-Length: %d" % len(body))
        self.waiting += 1
        return "\r\n".join((*lines, "", "")).encode("latin-1", "replace") + body

    def send(self, *requests):
        self.socket.sendall(b"".join(requests))

    def read(self):
        """The next answer: its headers and its body."""
        self.waiting -= 1
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            self._more()
        head = self.buffer[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = end + 4 + int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            self._more()
        body = bytes(self.buffer[end + 4 : length])
        del self.buffer[:length]
        return headers, body

    def _more(self):
        data = self.socket.recv(1 << 18)
        if not data:
            os._exit(0)
        self.buffer += data

    def next(self, *before):
        """Send what is to be sent, and ask for the next event."""
        self.send(*before, self._request("GET", "/invocation/next"))
        while self.waiting > 1:
            self.read()
        return self.read()


# Logs


class Sink:
    """Where log records go, each as a whole."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.request_id = ""

    def log(self, message, frame_type=None):
        data = message.encode("utf8", "replace")
        level = frame_type if isinstance(frame_type, int) else 0
        kind = (0xA55A0003 | level << 2).to_bytes(4, "big")
        head = kind + len(data).to_bytes(4, "big") + (time.time_ns() // 1000).to_bytes(8, "big")
        data = head + data
        while data:
            data = data[os.write(self.descriptor, data) :]


class LogHandler(logging.Handler):
    def __init__(self, sink):
        super().__init__()
        self.log_sink = sink

    def emit(self, record):
        record.aws_request_id = self.log_sink.request_id
        self.log_sink.log(self.format(record), FRAMES.get(record.levelname, 0))


class JsonFormatter(logging.Formatter):
    """A record as a JSON document (Developer Guide, "Using structured JSON logs with Python")."""

    OWN = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
        "message",
        "asctime",
        "aws_request_id",
        "taskName",
    }

    def format(self, record):
        told = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            kind, value, trace = record.exc_info
            told["stackTrace"] = traceback.format_tb(trace)
            told["errorType"] = kind.__name__
            told["errorMessage"] = str(value)
            told["location"] = "%s:%s:%d" % (record.pathname, record.funcName, record.lineno)
        told["requestId"] = getattr(record, "aws_request_id", "")
        told.update((name, value) for name, value in record.__dict__.items() if name not in self.OWN)
        return json.dumps({name: value for name, value in told.items() if value is not None}, default=str)


def set_up_logging(sink, as_json, level):
    logging.Formatter.converter = time.gmtime
    handler = LogHandler(sink)
    if as_json:
        handler.setFormatter(JsonFormatter())
    else:
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(form, "%Y-%m-%dT%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    if level:
        root.setLevel(LEVELS.get(level, getattr(logging, level, logging.INFO)))


def log_error(sink, told, as_json):
    if as_json:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sink.log(ENCODER.encode({"timestamp": stamp, "level": "ERROR", **told}), FRAMES["ERROR"])
        return
    text = ": ".join(part for part in (told["errorType"], told["errorMessage"]) if part)
    lines = ["[ERROR] " + text if text else "[ERROR]", "Traceback (most recent call last):"]
    for element in told["stackTrace"]:
        for line in element.splitlines() or [""]:
            rest = line.lstrip(" ")
            lines.append(NO_BREAK * (len(line) - len(rest)) + rest)
    sink.log("\n".join(lines), FRAMES["ERROR"])


# The handler


class ClientInfo:
    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")


class ClientContext:
    __slots__ = ("client", "custom", "env")


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


def filled(kind, values):
    """An object with the attributes of its kind, from a document; None from none."""
    if values is None:
        return None
    made = kind()
    for name in kind.__slots__:
        setattr(made, name, values.get(name))
    return made


class LambdaContext:
    """What the handler is told beside the event."""

    def __init__(self, headers, sink):
        environment = os.environ.get
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.log_group_name = environment("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environment("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = environment("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        given = parsed(headers.get("lambda-runtime-client-context"), "Client Context")
        self.client_context = filled(ClientContext, given)
        if self.client_context is not None:
            self.client_context.client = filled(ClientInfo, self.client_context.client)
        identity = parsed(headers.get("lambda-runtime-cognito-identity"), "Cognito Identity") or {}
        self.identity = CognitoIdentity()
        self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._deadline = int(headers.get("lambda-runtime-deadline-ms", 0))
        self._sink = sink

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        self._sink.log(str(message))

    def __repr__(self):
        shown = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        return "LambdaContext([%s])" % ",".join("%s=%s" % pair for pair in shown.items())


def parsed(text, what):
    if not text:
        return None
    try:
        return json.loads(text)
    except Exception as error:
        raise Fault("LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (what, error)) from None


def find_handler(name):
    module, dot, function = name.rpartition(".")
    if not dot:
        words = "not enough values to unpack (expected 2, got 1)"
        raise Fault("MalformedHandlerName", "Bad handler '%s': %s" % (name, words))
    if module.split(".")[0] in sys.builtin_module_names:
        words = "Cannot use built-in module %s as a handler module" % module
        raise Fault("BuiltInModuleConflict", words)
    try:
        found = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise Fault("ImportModuleError", "Unable to import module '%s': %s" % (module, error)) from None
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        raise Fault("UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module, error), trace) from None
    try:
        return getattr(found, function)
    except AttributeError:
        raise Fault("HandlerNotFound", "Handler '%s' missing on module '%s'" % (function, module)) from None


def described(error, request_id=""):
    """An exception as Lambda answers it, without our own part of its traceback."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        frames = list(traceback.extract_tb(error.__traceback__))
        while frames and os.path.basename(frames[0].filename) == THIS:
            del frames[0]
        # Without the marks under parts of a line that newer Pythons add.
        plain = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in frames]
        trace = traceback.format_list(plain)
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": trace}


def answer(handler, headers, body, sink):
    """Run the handler: the path, body and headers of what is to be posted."""
    request_id = headers["lambda-runtime-aws-request-id"]
    try:
        context = LambdaContext(headers, sink)
        try:
            event = json.loads(body)
        except Exception as error:
            raise Fault("UnmarshalError", "Unable to unmarshal input: %s" % error) from None
        result = handler(event, context)
        if isinstance(result, bytes):
            return "response", result, ()
        try:
            return "response", ENCODER.encode(result).encode(), ()
        except Exception as error:
            raise Fault("MarshalError", "Unable to marshal response: %s" % error) from None
    except Exception as error:
        told = described(error, request_id)
        log_error(sink, told, sink.as_json)
        return "error", ENCODER.encode(told).encode(), [("Lambda-Runtime-Function-Error-Type", told["errorType"])]


# The program


def take_output():
    """Standard output and error as a fresh interpreter has them: text, written through at once."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = open(descriptor, "wb", 0, closefd=False)
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def take_path(root, preloaded):
    """Look for modules where Lambda does; what a function brings along replaces what has been preloaded."""
    version = "python%d.%d" % sys.version_info[:2]
    own = [root, "/opt/python/lib/%s/site-packages" % version, "/opt/python"]
    own = [path.replace("/opt", os.environ.get("PILEUS_OPT", "/opt"), 1) for path in own[1:]]
    sys.path[:0] = [root, *own]
    brought = {name for name in preloaded for path in (root, *own) if has(path, name)}
    if brought:
        for module in list(sys.modules):
            if module.partition(".")[0] in preloaded:
                del sys.modules[module]
    importlib.invalidate_caches()


def has(path, name):
    return os.path.isdir(os.path.join(path, name)) or os.path.exists(os.path.join(path, name + ".py"))


PRELOADED = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "simplejson", "six", "urllib3")


def give_up(client, sink, path, error):
    told = described(error)
    log_error(sink, told, sink.as_json)
    kind = [("Lambda-Runtime-Function-Error-Type", told["errorType"])]
    client.send(client.post(path, ENCODER.encode(told).encode(), kind))
    client.read()
    sys.exit(1)


def restore(client, sink):
    """Run the hooks around the moment at which there would be a snapshot."""
    try:
        run(snapshot_restore_py.get_before_snapshot())
    except Exception as error:
        give_up(client, sink, "/init/error", Fault("BeforeSnapshotError", str(error)))
    client.send(client.get("/restore/next"))
    client.read()
    try:
        run(snapshot_restore_py.get_after_restore())
    except Exception as error:
        give_up(client, sink, "/restore/error", Fault("AfterRestoreError", str(error)))


def run(hooks):
    for function, args, kwargs in hooks:
        function(*args, **kwargs)


def main():
    environment = os.environ
    time.tzset()
    take_output()
    take_path(environment["LAMBDA_TASK_ROOT"], PRELOADED)
    sink = Sink(int(environment.pop("_LAMBDA_TELEMETRY_LOG_FD", 1)))
    sink.as_json = environment.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
    set_up_logging(sink, sink.as_json, environment.get("AWS_LAMBDA_LOG_LEVEL", ""))
    client = Client(environment["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = find_handler(environment["_HANDLER"])
    except Exception as error:
        give_up(client, sink, "/init/error", error)
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        restore(client, sink)
    request = ()
    while True:
        headers, body = client.next(*request)
        sink.request_id = headers["lambda-runtime-aws-request-id"]
        if headers.get("lambda-runtime-trace-id"):
            environment["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
        else:
            environment.pop("_X_AMZN_TRACE_ID", None)
        path, result, more = answer(handler, headers, body, sink)
        request = (client.post("/invocation/%s/%s" % (sink.request_id, path), result, more),)
