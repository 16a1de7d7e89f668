package pileus;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What JSON says as objects of the handler's types, and back: beans with setters or public fields, records, maps,
 * lists, sets, arrays, enums, dates, times, bytes in base 64. Names may differ in their case. The classes of
 * aws-lambda-java-events need no empty constructor, and their dates are seconds. Jackson's annotations mean nothing here,
 * as they mean nothing to AWS's runtime, whose Jackson is another one than the function's.
 */
final class Beans {
    private static final String EVENTS = "com.amazonaws.services.lambda.runtime.events.";

    private Beans() {}

    // From JSON

    static Object made(Object json, Type type) throws ReflectiveOperationException {
        if (type instanceof WildcardType) {
            return made(json, ((WildcardType) type).getUpperBounds()[0]);
        }
        if (type instanceof TypeVariable) {
            return made(json, ((TypeVariable<?>) type).getBounds()[0]);
        }
        Type[] inner = {};
        if (type instanceof ParameterizedType) {
            inner = ((ParameterizedType) type).getActualTypeArguments();
            type = ((ParameterizedType) type).getRawType();
        }
        Class<?> kind = (Class<?>) type;
        if (json == null || kind == Object.class) {
            return json;
        }
        if (json instanceof Map) {
            return ofObject((Map<?, ?>) json, kind, inner);
        }
        if (json instanceof List) {
            return Times.known(kind) ? Times.read(json, kind) : ofArray((List<?>) json, kind, inner);
        }
        if (many(kind)) { // one value is taken for a list of one
            return ofArray(Collections.singletonList(json), kind, inner);
        }
        return ofScalar(json, kind, inner);
    }

    private static boolean many(Class<?> kind) {
        return Collection.class.isAssignableFrom(kind) || (kind.isArray() && kind != byte[].class);
    }

    private static Object ofObject(Map<?, ?> json, Class<?> kind, Type[] inner) throws ReflectiveOperationException {
        if (!Map.class.isAssignableFrom(kind)) {
            return record(kind) ? recordOf(json, kind) : beanOf(json, kind);
        }
        Map<Object, Object> found = new LinkedHashMap<>();
        for (Map.Entry<?, ?> each : json.entrySet()) {
            Object name = inner.length > 0 ? made(each.getKey(), inner[0]) : each.getKey();
            found.put(name, inner.length > 1 ? made(each.getValue(), inner[1]) : each.getValue());
        }
        return kind.isInstance(found) ? found : filled(kind, found);
    }

    @SuppressWarnings("unchecked")
    private static Object filled(Class<?> kind, Map<Object, Object> found) throws ReflectiveOperationException {
        Map<Object, Object> own = (Map<Object, Object>) kind.getConstructor().newInstance();
        own.putAll(found);
        return own;
    }

    private static Object ofArray(List<?> json, Class<?> kind, Type[] inner) throws ReflectiveOperationException {
        if (kind.isArray()) {
            Object found = Array.newInstance(kind.getComponentType(), json.size());
            for (int at = 0; at < json.size(); at++) {
                Array.set(found, at, made(json.get(at), kind.getComponentType()));
            }
            return found;
        }
        Collection<Object> found = Set.class.isAssignableFrom(kind) ? new LinkedHashSet<>() : new ArrayList<>();
        for (Object each : json) {
            found.add(inner.length > 0 ? made(each, inner[0]) : each);
        }
        if (kind.isInstance(found)) {
            return found;
        }
        throw new IllegalArgumentException("An array cannot be made a " + kind.getName());
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object ofScalar(Object json, Class<?> kind, Type[] inner) throws ReflectiveOperationException {
        if (kind.isInstance(json)) {
            return json;
        }
        if (kind == String.class) {
            return json.toString();
        }
        if (kind == Optional.class) {
            return Optional.ofNullable(inner.length > 0 ? made(json, inner[0]) : json);
        }
        if (kind.isEnum()) {
            return constant(json.toString(), kind);
        }
        if (Times.known(kind)) {
            return Times.read(json, kind);
        }
        if (kind == byte[].class || kind == ByteBuffer.class) {
            byte[] bytes = Base64.getDecoder().decode(json.toString());
            return kind == byte[].class ? bytes : ByteBuffer.wrap(bytes);
        }
        if (kind == UUID.class) {
            return UUID.fromString(json.toString());
        }
        if (kind == boolean.class || kind == Boolean.class) {
            return json instanceof Boolean ? json : Boolean.valueOf(json.toString());
        }
        if (kind == char.class || kind == Character.class) {
            return json.toString().charAt(0);
        }
        if (kind == Date.class) {
            return json instanceof String ? Date.from(Times.instant((String) json)) : new Date(((Number) json).longValue());
        }
        if (!kind.isPrimitive() && !Number.class.isAssignableFrom(kind)) {
            return json.equals("") ? null : fromText(json.toString(), kind);
        }
        return numberOf(new BigDecimal(json.toString()), kind);
    }

    private static Object constant(String text, Class<?> kind) {
        for (Object one : kind.getEnumConstants()) {
            if (one.toString().equals(text) || ((Enum<?>) one).name().equals(text)) {
                return one;
            }
        }
        throw new IllegalArgumentException("There is no " + text + " in " + kind.getName());
    }

    /** By a constructor that takes a text, or any object: so Joda's DateTime does. */
    private static Object fromText(String text, Class<?> kind) throws ReflectiveOperationException {
        for (Class<?> taken : new Class<?>[] {String.class, Object.class}) {
            try {
                return kind.getConstructor(taken).newInstance(text);
            } catch (NoSuchMethodException other) {
                continue;
            }
        }
        throw new IllegalArgumentException("A text cannot be made a " + kind.getName());
    }

    private static Object numberOf(BigDecimal number, Class<?> kind) {
        if (kind == int.class || kind == Integer.class) {
            return number.intValue();
        }
        if (kind == long.class || kind == Long.class) {
            return number.longValue();
        }
        if (kind == double.class || kind == Double.class) {
            return number.doubleValue();
        }
        if (kind == float.class || kind == Float.class) {
            return number.floatValue();
        }
        if (kind == short.class || kind == Short.class) {
            return number.shortValue();
        }
        if (kind == byte.class || kind == Byte.class) {
            return number.byteValue();
        }
        if (kind == BigInteger.class) {
            return number.toBigInteger();
        }
        if (kind == BigDecimal.class) {
            return number;
        }
        throw new IllegalArgumentException("A number cannot be made a " + kind.getName());
    }

    private static Object beanOf(Map<?, ?> json, Class<?> kind) throws ReflectiveOperationException {
        boolean event = kind.getName().startsWith(EVENTS);
        Object bean = empty(kind, event);
        Map<String, Method> setters = new HashMap<>();
        Map<String, Method> getters = new HashMap<>();
        for (Method method : kind.getMethods()) {
            String name = method.getName();
            if (name.startsWith("set") && method.getParameterCount() == 1 && !method.isBridge()) {
                setters.put(plain(name.substring(3)), method);
            } else if (name.startsWith("get") && method.getParameterCount() == 0) {
                getters.put(plain(name.substring(3)), method);
            }
        }
        for (Map.Entry<?, ?> each : json.entrySet()) {
            String name = plain(each.getKey().toString());
            Method setter = setters.get(name);
            if (setter != null) {
                setter.setAccessible(true);
                setter.invoke(bean, member(each.getValue(), setter.getGenericParameterTypes()[0], event));
            } else if (!setField(bean, name, each.getValue(), event) && getters.containsKey(name)) {
                fill(bean, getters.get(name), each.getValue());
            }
        }
        return bean;
    }

    /** Names without what tells them from Java's: `x-amz-id-2` is xAmzId2. */
    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    }

    private static Object member(Object json, Type type, boolean event) throws ReflectiveOperationException {
        if (event && type == Date.class && json instanceof Number) {
            return new Date((long) (((Number) json).doubleValue() * 1000));
        }
        return made(json, type);
    }

    private static Object empty(Class<?> kind, boolean event) throws ReflectiveOperationException {
        try {
            Constructor<?> constructor = kind.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (NoSuchMethodException none) {
            if (!event) {
                throw new IllegalArgumentException("Cannot construct instance of `" + kind.getName()
                        + "` (no Creators, like default constructor, exist)");
            }
        }
        Class<?> unsafe = Class.forName("sun.misc.Unsafe");
        Field one = unsafe.getDeclaredField("theUnsafe");
        one.setAccessible(true);
        return unsafe.getMethod("allocateInstance", Class.class).invoke(one.get(null), kind);
    }

    private static boolean setField(Object bean, String name, Object value, boolean event)
            throws ReflectiveOperationException {
        for (Field field : bean.getClass().getFields()) {
            if (plain(field.getName()).equals(name) && !Modifier.isFinal(field.getModifiers())) {
                field.set(bean, member(value, field.getGenericType(), event));
                return true;
            }
        }
        for (Class<?> kind = bean.getClass(); event && kind != null; kind = kind.getSuperclass()) {
            for (Field field : kind.getDeclaredFields()) {
                if (plain(field.getName()).equals(name) && !Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    field.set(bean, member(value, field.getGenericType(), true));
                    return true;
                }
            }
        }
        return false;
    }

    /** A list or a map that has a getter only gets more elements. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static void fill(Object bean, Method getter, Object value) throws ReflectiveOperationException {
        Class<?> kind = getter.getReturnType();
        if (!Collection.class.isAssignableFrom(kind) && !Map.class.isAssignableFrom(kind)) {
            return;
        }
        getter.setAccessible(true);
        Object held = getter.invoke(bean);
        Object found = made(value, getter.getGenericReturnType());
        if (held instanceof Collection && found instanceof Collection) {
            ((Collection) held).addAll((Collection) found);
        } else if (held instanceof Map && found instanceof Map) {
            ((Map) held).putAll((Map) found);
        }
    }

    private static boolean record(Class<?> kind) {
        return kind.getSuperclass() != null && kind.getSuperclass().getName().equals("java.lang.Record");
    }

    /** Older Javas, which compile this too, have no records: so they are asked by reflection. */
    private static Object[] components(Class<?> kind) throws ReflectiveOperationException {
        return (Object[]) Class.class.getMethod("getRecordComponents").invoke(kind);
    }

    private static Object recordOf(Map<?, ?> json, Class<?> kind) throws ReflectiveOperationException {
        Object[] components = components(kind);
        Class<?>[] kinds = new Class<?>[components.length];
        Object[] values = new Object[components.length];
        for (int at = 0; at < components.length; at++) {
            Class<?> component = components[at].getClass();
            kinds[at] = (Class<?>) component.getMethod("getType").invoke(components[at]);
            Object name = component.getMethod("getName").invoke(components[at]);
            Type type = (Type) component.getMethod("getGenericType").invoke(components[at]);
            values[at] = made(json.get(name), type);
        }
        Constructor<?> constructor = kind.getDeclaredConstructor(kinds);
        constructor.setAccessible(true);
        return constructor.newInstance(values);
    }

    // To JSON

    static void write(Object value, StringBuilder out) throws ReflectiveOperationException {
        if (value instanceof Optional) {
            value = ((Optional<?>) value).orElse(null);
        }
        if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else if (value instanceof CharSequence || value instanceof Character || value instanceof UUID) {
            out.append(Json.quoted(value.toString()));
        } else if (value instanceof Enum) {
            out.append(Json.quoted(value.toString()));
        } else if (Times.known(value.getClass())) {
            write(Times.written(value), out);
        } else if (value instanceof Date) {
            out.append(((Date) value).getTime());
        } else if (value instanceof byte[]) {
            out.append(Json.quoted(Base64.getEncoder().encodeToString((byte[]) value)));
        } else if (value instanceof ByteBuffer) {
            byte[] bytes = new byte[((ByteBuffer) value).remaining()];
            ((ByteBuffer) value).duplicate().get(bytes);
            write(bytes, out);
        } else if (value instanceof Map) {
            writeMap((Map<?, ?>) value, out);
        } else if (value instanceof Iterable) {
            writeAll((Iterable<?>) value, out);
        } else if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int at = 0; at < Array.getLength(value); at++) {
                items.add(Array.get(value, at));
            }
            writeAll(items, out);
        } else {
            writeMap(properties(value), out);
        }
    }

    private static void writeMap(Map<?, ?> value, StringBuilder out) throws ReflectiveOperationException {
        String comma = "{";
        for (Map.Entry<?, ?> each : value.entrySet()) {
            out.append(comma).append(Json.quoted(String.valueOf(each.getKey()))).append(':');
            write(each.getValue(), out);
            comma = ",";
        }
        out.append(value.isEmpty() ? "{}" : "}");
    }

    private static void writeAll(Iterable<?> value, StringBuilder out) throws ReflectiveOperationException {
        out.append('[');
        String comma = "";
        for (Object each : value) {
            out.append(comma);
            write(each, out);
            comma = ",";
        }
        out.append(']');
    }

    /** A bean's properties, by its getters, its public fields, or the components of a record. */
    private static Map<String, Object> properties(Object bean) throws ReflectiveOperationException {
        Class<?> kind = bean.getClass();
        if (kind.getName().startsWith("java.")) {
            throw new IllegalArgumentException("There is no JSON for a " + kind.getName());
        }
        Map<String, Object> found = new LinkedHashMap<>();
        if (record(kind)) {
            for (Object component : components(kind)) {
                Method accessor = (Method) component.getClass().getMethod("getAccessor").invoke(component);
                accessor.setAccessible(true);
                found.put(accessor.getName(), accessor.invoke(bean));
            }
            return found;
        }
        for (Field field : kind.getFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                found.put(field.getName(), field.get(bean));
            }
        }
        for (Method method : kind.getMethods()) {
            String name = property(method);
            if (name != null) {
                method.setAccessible(true);
                found.put(name, method.invoke(bean));
            }
        }
        return found;
    }

    private static String property(Method method) {
        String name = method.getName();
        boolean plain = method.getParameterCount() == 0 && !Modifier.isStatic(method.getModifiers());
        if (!plain || method.getDeclaringClass() == Object.class || method.isBridge()) {
            return null;
        }
        int prefix = name.startsWith("get") ? 3 : name.startsWith("is") && method.getReturnType() == boolean.class ? 2 : 0;
        if (prefix == 0 || name.length() == prefix) {
            return null;
        }
        String rest = name.substring(prefix);
        boolean acronym = rest.length() > 1 && Character.isUpperCase(rest.charAt(1));
        return acronym ? rest : Character.toLowerCase(rest.charAt(0)) + rest.substring(1);
    }
}
