package pileus;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * What a handler is told of its invocation. It is a proxy, because the interface may be one that the function brings.
 * Left out: the client's context and the identity of Cognito, which are null.
 */
final class Context implements InvocationHandler {
    static final String INTERFACE = "com.amazonaws.services.lambda.runtime.Context";
    private static final String LOGGER = "com.amazonaws.services.lambda.runtime.LambdaLogger";

    private final Map<String, String> headers;
    private final Object logger;

    private Context(Map<String, String> headers, Object logger) {
        this.headers = headers;
        this.logger = logger;
    }

    /** Null where the function knows of no contexts. */
    static Object of(Map<String, String> headers, ClassLoader loader, Log log) {
        try {
            Class<?> logger = Class.forName(LOGGER, false, loader);
            Object proxy = Proxy.newProxyInstance(loader, new Class<?>[] {logger}, (self, method, given) -> {
                Object said = given == null ? "" : given[0];
                log.write(said instanceof byte[] ? (byte[]) said : String.valueOf(said).getBytes(StandardCharsets.UTF_8));
                return null;
            });
            Class<?> context = Class.forName(INTERFACE, false, loader);
            return Proxy.newProxyInstance(loader, new Class<?>[] {context}, new Context(headers, proxy));
        } catch (ClassNotFoundException error) {
            return null;
        }
    }

    @Override
    public Object invoke(Object self, Method method, Object[] given) {
        switch (method.getName()) {
            case "getAwsRequestId":
                return headers.get("lambda-runtime-aws-request-id");
            case "getInvokedFunctionArn":
                return headers.get("lambda-runtime-invoked-function-arn");
            case "getRemainingTimeInMillis":
                long left = Long.parseLong(headers.get("lambda-runtime-deadline-ms")) - System.currentTimeMillis();
                return (int) Math.max(0, left);
            case "getMemoryLimitInMB":
                return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
            case "getFunctionName":
                return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
            case "getFunctionVersion":
                return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
            case "getLogGroupName":
                return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
            case "getLogStreamName":
                return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
            case "getLogger":
                return logger;
            case "toString":
                return "Context of " + headers.get("lambda-runtime-aws-request-id");
            case "hashCode":
                return System.identityHashCode(self);
            case "equals":
                return self == given[0];
            default:
                return null;
        }
    }
}
