package pileus;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The Java runtime: it makes the handler, asks the Runtime API for events, and answers them. Developer Guide, "Building
 * Lambda functions with Java". Any Java from 8 on compiles and runs it.
 */
public final class Runtime {
    private Runtime() {}

    public static void main(String[] arguments) throws IOException {
        Api api = new Api(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        ClassLoader loader = Runtime.class.getClassLoader();
        Log log = Log.open();
        Handler handler;
        try {
            handler = Handler.of(System.getenv("_HANDLER"), loader);
        } catch (Throwable error) {
            error.printStackTrace();
            System.err.flush();
            api.fail(null, described(error), error.getClass().getName());
            System.exit(1);
            return;
        }
        while (true) {
            work(api, handler, loader, log);
        }
    }

    private static void work(Api api, Handler handler, ClassLoader loader, Log log) throws IOException {
        Api.Answer next = api.next();
        String id = next.headers.get("lambda-runtime-aws-request-id");
        System.setProperty("com.amazonaws.xray.traceHeader", next.headers.getOrDefault("lambda-runtime-trace-id", ""));
        byte[] answer;
        try {
            answer = handler.handle(next.body, Context.of(next.headers, loader, log));
        } catch (Throwable error) {
            log.write(trace(error).getBytes(StandardCharsets.UTF_8));
            api.fail(id, described(error), error.getClass().getName());
            if (error instanceof VirtualMachineError) {
                System.exit(1);
            }
            return;
        }
        System.out.flush();
        api.respond(id, answer);
    }

    private static byte[] described(Throwable error) {
        try {
            StringBuilder out = new StringBuilder();
            Beans.write(told(error), out);
            return out.toString().getBytes(StandardCharsets.UTF_8);
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static Map<String, Object> told(Throwable error) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("errorMessage", error.getMessage());
        told.put("errorType", error.getClass().getName());
        List<String> lines = new ArrayList<>();
        for (StackTraceElement each : error.getStackTrace()) {
            if (!each.getClassName().startsWith("pileus.") && !each.getClassName().contains("reflect.")) {
                lines.add(each.toString());
            }
        }
        told.put("stackTrace", lines);
        if (error.getCause() != null && error.getCause() != error) {
            told.put("cause", told(error.getCause()));
        }
        return told;
    }

    private static String trace(Throwable error) {
        StringBuilder out = new StringBuilder(String.valueOf(error.getMessage())).append(": ");
        out.append(error.getClass().getName()).append('\n').append(error).append('\n');
        for (StackTraceElement each : error.getStackTrace()) {
            out.append("\tat ").append(each).append('\n');
        }
        return out.toString();
    }
}
