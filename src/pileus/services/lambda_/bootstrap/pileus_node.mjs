// The Node.js runtime: it imports the handler, asks the Runtime API for events, and answers them, as AWS's own does.
// Developer Guide, "Building Lambda functions with Node.js" and "Using the Lambda runtime API for custom runtimes".

import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Writable } from "node:stream";
import util from "node:util";

const environment = process.env;
const [host, port] = environment.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
const base = "/2018-06-01/runtime";
const streaming = Symbol.for("aws.lambda.runtime.handler.streaming");
const integration = "application/vnd.awslambda.http-integration-response";

// The Runtime API

function request(method, where, headers = {}, body = null) {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host, port, method, path: base + where, headers, agent }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(pieces) }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function described(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack || "").split("\n") };
}

function post(where, told) {
  const headers = { "Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": told.errorType };
  return request("POST", where, headers, JSON.stringify(told));
}

// Logs: each is an event of its own, however many lines it has

const descriptor = Number(environment._LAMBDA_TELEMETRY_LOG_FD || 1);
delete environment._LAMBDA_TELEMETRY_LOG_FD;
const asJson = environment.AWS_LAMBDA_LOG_FORMAT === "JSON";
const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const least = levels.indexOf(environment.AWS_LAMBDA_LOG_LEVEL || "TRACE");
let requestId = "";

function log(level, values) {
  if (asJson && levels.indexOf(level) < least) return;
  const stamp = new Date().toISOString();
  const line = asJson
    ? JSON.stringify({ timestamp: stamp, level, requestId, message: message(values) })
    : `${stamp}\t${requestId || "undefined"}\t${level}\t${util.format(...values)}`;
  const text = Buffer.from(line);
  const head = Buffer.alloc(16);
  head.writeUInt32BE((0xa55a0003 | ((levels.indexOf(level) + 1) << 2)) >>> 0, 0);
  head.writeUInt32BE(text.length, 4);
  head.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  fs.writeSync(descriptor, Buffer.concat([head, text]));
}

function message(values) {
  if (values.length === 1 && values[0] instanceof Error) return described(values[0]);
  return values.length === 1 && typeof values[0] === "object" ? values[0] : util.format(...values);
}

for (const [name, level] of Object.entries({
  log: "INFO", info: "INFO", debug: "DEBUG", trace: "TRACE", warn: "WARN", error: "ERROR", fatal: "FATAL",
})) {
  console[name] = (...values) => log(level, values);
}

// Streamed responses

class ResponseStream extends Writable {
  constructor(id) {
    super();
    this.id = id;
    this.kind = "application/octet-stream";
  }

  setContentType(kind) {
    this.kind = kind;
  }

  _open() {
    if (this.sent) return;
    const headers = {
      "Content-Type": this.kind,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    };
    const where = `${base}/invocation/${this.id}/response`;
    this.answered = new Promise((resolve, reject) => {
      this.sent = http.request({ host, port, method: "POST", path: where, headers, agent }, (response) => {
        response.resume();
        response.on("end", resolve);
      });
      this.sent.on("error", reject);
    });
    this.sent.flushHeaders();
  }

  _write(piece, encoding, done) {
    this._open();
    if (this.prelude) {
      this.sent.write(this.prelude);
      this.prelude = null;
    }
    this.sent.write(Buffer.from(piece, encoding), done);
  }

  _final(done) {
    this._open();
    if (this.prelude) this.sent.write(this.prelude);
    this.sent.end(done);
  }

  async fail(error) {
    this._open();
    const told = described(error);
    this.sent.addTrailers({
      "Lambda-Runtime-Function-Error-Type": told.errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(told)).toString("base64"),
    });
    this.sent.end();
    await this.answered;
  }
}

globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[streaming] = "response";
    return handler;
  },
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType(integration);
      stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(8)]);
      return stream;
    },
  },
};

// The handler

class Fault extends Error {
  constructor(name, message) {
    super(message);
    this.name = `Runtime.${name}`;
  }
}

async function find(handler) {
  const root = environment.LAMBDA_TASK_ROOT;
  const at = handler.indexOf(".", handler.lastIndexOf("/"));
  if (at < 0) throw new Fault("MalformedHandlerName", "Bad handler");
  const [module, names] = [handler.slice(0, at), handler.slice(at + 1).split(".")];
  let found;
  try {
    found = await load(path.resolve(root, module));
  } catch (error) {
    if (error instanceof SyntaxError) throw Object.assign(new Fault("UserCodeSyntaxError", String(error)), { stack: error.stack });
    if (error.code === "MODULE_NOT_FOUND" || error.code === "ERR_MODULE_NOT_FOUND") {
      throw new Fault("ImportModuleError", `Error: ${error.message}`);
    }
    throw error;
  }
  const made = names.reduce((value, name) => value?.[name], found) ?? names.reduce((value, name) => value?.[name], found.default);
  if (made === undefined) throw new Fault("HandlerNotFound", `${handler} is undefined or not exported`);
  if (typeof made !== "function") throw new Fault("HandlerNotFound", `${handler} is not a function`);
  return made;
}

async function load(file) {
  for (const end of ["", ".js", ".mjs", ".cjs"]) {
    if (fs.existsSync(file + end) && fs.statSync(file + end).isFile()) {
      return import(pathToFileURL(file + end).href);
    }
  }
  return createRequire(pathToFileURL(`${file}/`))(file);
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const parsed = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    awsRequestId: requestId,
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    clientContext: parsed("lambda-runtime-client-context"),
    identity: parsed("lambda-runtime-cognito-identity"),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result));
    Object.assign(context, {
      done: callback,
      succeed: resolve,
      fail: (error) => reject(error ?? new Error()),
    });
    const returned = handler(event, context, callback);
    if (returned && typeof returned.then === "function") returned.then(resolve, reject);
    else if (returned !== undefined && handler.length < 3) resolve(returned);
  });
}

function failed(error) {
  log("ERROR", [asJson ? error : `Invoke Error \t${JSON.stringify({ ...described(error), stack: described(error).trace, trace: undefined })}`]);
  return post(`/invocation/${requestId}/error`, described(error));
}

async function work(handler) {
  const { headers, body } = await request("GET", "/invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  if (headers["lambda-runtime-trace-id"]) environment._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
  else delete environment._X_AMZN_TRACE_ID;
  const context = contextOf(headers);
  if (handler[streaming]) {
    const stream = new ResponseStream(requestId);
    try {
      await handler(JSON.parse(body), stream, context);
      if (!stream.writableEnded) stream.end();
      stream._open();
      await stream.answered;
    } catch (error) {
      await (stream.sent ? stream.fail(error) : failed(error));
    }
    return;
  }
  try {
    const result = await run(handler, JSON.parse(body), context);
    const text = JSON.stringify(result === undefined ? null : result);
    await request("POST", `/invocation/${requestId}/response`, { "Content-Type": "application/json" }, text);
  } catch (error) {
    await failed(error);
  }
}

for (const [name, kind] of [["uncaughtException", "Uncaught Exception"], ["unhandledRejection", "Unhandled Promise Rejection"]]) {
  process.on(name, async (error) => {
    const told = described(error);
    if (name === "unhandledRejection") {
      Object.assign(told, { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: String(error) });
    }
    log("ERROR", [`${kind} \t${JSON.stringify(told)}`]);
    if (requestId) await post(`/invocation/${requestId}/error`, told);
    process.exit(name === "unhandledRejection" ? 128 : 129);
  });
}

let handler;
try {
  handler = await find(environment._HANDLER);
} catch (error) {
  log("ERROR", [`Uncaught Exception \t${JSON.stringify({ ...described(error), stack: described(error).trace, trace: undefined })}`]);
  await post("/init/error", described(error));
  process.exit(1);
}
for (;;) await work(handler);
