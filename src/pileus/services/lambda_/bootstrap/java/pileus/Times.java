package pileus;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The classes of java.time as Jackson's module for them reads and writes them: instants as seconds with a fraction, what
 * has no place on the time line as lists of its parts. Texts are read too.
 */
final class Times {
    private static final List<Class<?>> KNOWN = Arrays.asList(Instant.class, ZonedDateTime.class, OffsetDateTime.class,
            LocalDate.class, LocalDateTime.class, LocalTime.class, Duration.class);

    private Times() {}

    static boolean known(Class<?> kind) {
        return KNOWN.contains(kind);
    }

    static Instant instant(String text) {
        if (text.length() == 10) {
            return LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
        }
        String zoned = text.matches(".*[+-]\\d{4}$") ? text.replaceAll("(\\d\\d)$", ":$1") : text;
        return OffsetDateTime.parse(zoned).toInstant();
    }

    static Object read(Object json, Class<?> kind) throws ReflectiveOperationException {
        if (json instanceof String) {
            return kind == Instant.class ? instant((String) json)
                    : kind.getMethod("parse", CharSequence.class).invoke(null, json);
        }
        if (json instanceof List) {
            return assembled((List<?>) json, kind);
        }
        if (!(json instanceof Number)) {
            throw new IllegalArgumentException("This cannot be made a " + kind.getName());
        }
        BigDecimal number = new BigDecimal(json.toString());
        long seconds = number.longValue();
        int nanos = number.subtract(new BigDecimal(seconds)).movePointRight(9).intValue();
        Instant at = Instant.ofEpochSecond(seconds, nanos);
        if (kind == Instant.class) {
            return at;
        }
        if (kind == Duration.class) {
            return Duration.ofSeconds(seconds, nanos);
        }
        if (kind == ZonedDateTime.class) {
            return at.atZone(ZoneOffset.UTC);
        }
        if (kind == OffsetDateTime.class) {
            return at.atOffset(ZoneOffset.UTC);
        }
        if (kind == LocalDate.class) {
            return LocalDate.ofEpochDay(seconds);
        }
        throw new IllegalArgumentException("A number cannot be made a " + kind.getName());
    }

    private static Object assembled(List<?> parts, Class<?> kind) {
        int[] all = new int[7];
        for (int at = 0; at < parts.size(); at++) {
            all[at] = ((Number) parts.get(at)).intValue();
        }
        if (kind == LocalTime.class) {
            return LocalTime.of(all[0], all[1], all[2], all[3]);
        }
        if (kind == LocalDate.class) {
            return LocalDate.of(all[0], all[1], all[2]);
        }
        if (kind == LocalDateTime.class) {
            return LocalDateTime.of(all[0], all[1], all[2], all[3], all[4], all[5], all[6]);
        }
        throw new IllegalArgumentException("An array cannot be made a " + kind.getName());
    }

    static Object written(Object value) {
        if (value instanceof Instant) {
            return seconds(((Instant) value).getEpochSecond(), ((Instant) value).getNano());
        }
        if (value instanceof Duration) {
            return seconds(((Duration) value).getSeconds(), ((Duration) value).getNano());
        }
        if (value instanceof ZonedDateTime) {
            return written(((ZonedDateTime) value).toInstant());
        }
        if (value instanceof OffsetDateTime) {
            return written(((OffsetDateTime) value).toInstant());
        }
        if (value instanceof LocalDate) {
            LocalDate day = (LocalDate) value;
            return Arrays.asList(day.getYear(), day.getMonthValue(), day.getDayOfMonth());
        }
        if (value instanceof LocalTime) {
            return parts((LocalTime) value);
        }
        List<Object> both = new ArrayList<>((List<?>) written(((LocalDateTime) value).toLocalDate()));
        both.addAll(parts(((LocalDateTime) value).toLocalTime()));
        return both;
    }

    private static BigDecimal seconds(long seconds, int nanos) {
        return new BigDecimal(seconds).add(BigDecimal.valueOf(nanos, 9));
    }

    private static List<Object> parts(LocalTime time) {
        List<Object> found = new ArrayList<>(Arrays.asList(time.getHour(), time.getMinute()));
        if (time.getSecond() > 0 || time.getNano() > 0) {
            found.add(time.getSecond());
        }
        if (time.getNano() > 0) {
            found.add(time.getNano());
        }
        return found;
    }
}
