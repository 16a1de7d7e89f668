# The Ruby runtime: it loads the handler, asks the Runtime API for events, and answers them. Developer Guide, "Building
# Lambda functions with Ruby". It needs nothing beyond the standard library.

require "json"
require "socket"

module PileusRuntime
  ROOT = "/2018-06-01/runtime"

  # A connection to the Runtime API that stays open.
  class Api
    def initialize(address)
      @address = address
      host, port = address.split(":")
      @socket = TCPSocket.new(host, port.to_i)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    end

    def next_event
      ask("GET", "/invocation/next")
    end

    def post(path, body, error_type = nil)
      ask("POST", path, body, error_type)
    end

    private

    def ask(method, path, body = nil, error_type = nil)
      lines = ["#{method} #{ROOT}#{path} HTTP/1.1", "Host: #{@address}"]
      lines.push("Content-Type: application/json", "Content-Length: #{body.bytesize}") if body
      lines.push("Lambda-Runtime-Function-Error-Type: #{error_type}") if error_type
      @socket.write("#{lines.join("\r\n")}\r\n\r\n#{body}")
      read
    end

    def read
      @socket.gets || exit!(0)
      headers = {}
      while (line = @socket.gets.chomp) != ""
        name, _, value = line.partition(":")
        headers[name.downcase] = value.strip
      end
      [headers, @socket.read(headers.fetch("content-length", 0).to_i).force_encoding("UTF-8")]
    end
  end

  # What a handler is told of its invocation.
  class Context
    attr_reader :aws_request_id, :invoked_function_arn, :deadline_ms, :client_context, :identity

    def initialize(headers)
      @aws_request_id = headers["lambda-runtime-aws-request-id"]
      @invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
      @deadline_ms = headers["lambda-runtime-deadline-ms"].to_i
      @client_context = parsed(headers["lambda-runtime-client-context"])
      @identity = parsed(headers["lambda-runtime-cognito-identity"])
    end

    def get_remaining_time_in_millis
      [@deadline_ms - (Time.now.to_f * 1000).to_i, 0].max
    end

    {
      function_name: "AWS_LAMBDA_FUNCTION_NAME", function_version: "AWS_LAMBDA_FUNCTION_VERSION",
      memory_limit_in_mb: "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", log_group_name: "AWS_LAMBDA_LOG_GROUP_NAME",
      log_stream_name: "AWS_LAMBDA_LOG_STREAM_NAME"
    }.each { |name, variable| define_method(name) { ENV[variable] } }

    private

    def parsed(text)
      text && JSON.parse(text)
    end
  end

  # `file.method` or `file.Class.method`, `file` being a path without its ending.
  class Handler
    def initialize(name)
      file, @type, @method = name.split(".")
      @method, @type = @type, nil if @method.nil?
      raise ArgumentError, "Invalid handler #{name}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD" unless @method

      require "#{ENV["LAMBDA_TASK_ROOT"]}/#{file}"
      receiver = target
      raise NoMethodError, "undefined method '#{@method}' for #{receiver}" unless receiver.respond_to?(@method, true)
    end

    def call(event, context)
      target.send(@method, event: event, context: context)
    end

    private

    def target
      @type ? Kernel.const_get(@type) : TOPLEVEL_BINDING.receiver
    end
  end

  def self.described(error, where)
    {
      "errorMessage" => error.message.dup.force_encoding("UTF-8").scrub,
      "errorType" => "#{where}<#{error.class}>",
      "stackTrace" => (error.backtrace || []).reject { |line| line.include?("/var/runtime/") }
    }
  end

  def self.fail(api, path, error, where)
    told = described(error, where)
    $stderr.puts("Critical exception from handler", JSON.generate(told)) if where == "Function"
    $stderr.puts("Init error when loading handler #{ENV["_HANDLER"]}", JSON.generate(told)) if where == "Init"
    api.post(path, JSON.generate(told), told["errorType"])
  end

  def self.work(api, handler)
    headers, body = api.next_event
    id = headers["lambda-runtime-aws-request-id"]
    ENV["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
    begin
      answer = JSON.generate(handler.call(JSON.parse(body), Context.new(headers)))
    rescue Exception => error # whatever it is, the function's next event goes on
      fail(api, "/invocation/#{id}/error", error, "Function")
      exit!(1) if error.is_a?(SystemExit) || error.is_a?(NoMemoryError)
      return
    end
    api.post("/invocation/#{id}/response", answer)
  end

  def self.run
    $stdout.sync = $stderr.sync = true
    api = Api.new(ENV.fetch("AWS_LAMBDA_RUNTIME_API"))
    begin
      handler = Handler.new(ENV.fetch("_HANDLER"))
    rescue Exception => error # a script that does not load may be wrong in any way
      fail(api, "/init/error", error, "Init")
      exit!(1)
    end
    loop { work(api, handler) }
  end
end

PileusRuntime.run
