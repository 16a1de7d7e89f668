package pileus;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;

/** Where a LambdaLogger writes: each of its messages is an event of its own, however many lines it has. */
final class Log {
    private static final int INFO = 0xa55a0003 | 3 << 2;
    private final OutputStream out;
    private final boolean framed;

    private Log(OutputStream out, boolean framed) {
        this.out = out;
        this.framed = framed;
    }

    static Log open() {
        String number = System.getenv("_LAMBDA_TELEMETRY_LOG_FD");
        try {
            Constructor<FileDescriptor> known = FileDescriptor.class.getDeclaredConstructor(int.class);
            known.setAccessible(true);
            return new Log(new FileOutputStream(known.newInstance(Integer.parseInt(number))), true);
        } catch (ReflectiveOperationException | RuntimeException error) {
            return new Log(System.out, false); // a Java that hides how to open descriptors
        }
    }

    synchronized void write(byte[] text) throws IOException {
        if (!framed) {
            out.write(text);
            out.write('\n');
            return;
        }
        ByteBuffer frame = ByteBuffer.allocate(16 + text.length);
        frame.putInt(INFO).putInt(text.length).putLong(System.currentTimeMillis() * 1000).put(text);
        out.write(frame.array());
    }
}
