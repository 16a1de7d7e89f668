package pileus;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * The function's handler: `package.Class`, with a `handleRequest`, or `package.Class::method`. What its interfaces are
 * does not matter; the method's parameters do: an input and a context, or two streams and a context, none of them
 * necessary.
 */
final class Handler {
    private final Object target;
    private final Method method;
    private final boolean streams;
    private final boolean wantsContext;
    private final Type input;

    static Handler of(String name, ClassLoader loader) throws Throwable {
        String[] parts = name.split("::", 2);
        Class<?> kind;
        try {
            kind = Class.forName(parts[0], true, loader);
        } catch (ClassNotFoundException error) {
            throw new ClassNotFoundException("Class not found: " + parts[0]);
        }
        return new Handler(kind, parts.length > 1 ? parts[1] : "handleRequest");
    }

    private Handler(Class<?> kind, String name) throws Throwable {
        method = chosen(kind, name);
        method.setAccessible(true);
        Class<?>[] kinds = method.getParameterTypes();
        wantsContext = kinds.length > 0 && context(kinds[kinds.length - 1]);
        streams = kinds.length > 1 && kinds[0] == InputStream.class && kinds[1] == OutputStream.class;
        boolean given = kinds.length > (wantsContext ? 1 : 0);
        input = given ? resolved(method.getGenericParameterTypes()[0], kind) : null;
        target = Modifier.isStatic(method.getModifiers()) ? null : made(kind);
    }

    private static Object made(Class<?> kind) throws Throwable {
        try {
            return kind.getConstructor().newInstance();
        } catch (NoSuchMethodException error) {
            throw new NoSuchMethodException("Class " + kind.getName() + " has no public zero-argument constructor");
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    /** Of several methods of that name the one with most parameters. */
    private static Method chosen(Class<?> kind, String name) throws NoSuchMethodException {
        Method found = null;
        for (Method each : kind.getMethods()) {
            boolean fits = each.getName().equals(name) && !each.isBridge() && !Modifier.isAbstract(each.getModifiers());
            if (fits && (found == null || each.getParameterCount() > found.getParameterCount())) {
                found = each;
            }
        }
        if (found == null) {
            throw new NoSuchMethodException(
                    "No public method named " + name + " with appropriate method signature found on class "
                            + kind.getName());
        }
        return found;
    }

    private static boolean context(Class<?> kind) {
        return kind.getName().equals(Context.INTERFACE);
    }

    /** What stands for a type variable, where the method comes from a generic class above. */
    private static Type resolved(Type type, Class<?> kind) {
        Map<TypeVariable<?>, Type> known = new HashMap<>();
        for (Type above = kind.getGenericSuperclass(); above != null; ) {
            Class<?> raw = (Class<?>) (above instanceof Class ? above : ((ParameterizedType) above).getRawType());
            if (above instanceof ParameterizedType) {
                Type[] given = ((ParameterizedType) above).getActualTypeArguments();
                for (int at = 0; at < given.length; at++) {
                    known.put(raw.getTypeParameters()[at], known.getOrDefault(given[at], given[at]));
                }
            }
            above = raw.getGenericSuperclass();
        }
        return known.getOrDefault(type, type);
    }

    byte[] handle(byte[] event, Object context) throws Throwable {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Object[] given = new Object[method.getParameterCount()];
        if (streams) {
            given[0] = new ByteArrayInputStream(event);
            given[1] = out;
        } else if (input != null) {
            given[0] = read(event);
        }
        if (wantsContext) {
            given[given.length - 1] = context;
        }
        Object result;
        try {
            result = method.invoke(target, given);
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
        return streams ? out.toByteArray() : written(result);
    }

    private Object read(byte[] event) {
        if (input == InputStream.class) {
            return new ByteArrayInputStream(event);
        }
        try {
            return Beans.made(Json.parse(new String(event, StandardCharsets.UTF_8)), input);
        } catch (ReflectiveOperationException | RuntimeException error) {
            throw new RuntimeException("An error occurred during JSON parsing", error);
        }
    }

    private byte[] written(Object result) throws ReflectiveOperationException {
        if (method.getReturnType() == void.class) {
            return "null".getBytes(StandardCharsets.UTF_8);
        }
        StringBuilder out = new StringBuilder();
        Beans.write(result, out);
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }
}
