package pileus;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** A connection to the Runtime API that stays open. */
final class Api {
    private static final String ROOT = "/2018-06-01/runtime";

    /** An answer: its headers, by names in lower case, and its body. */
    static final class Answer {
        final Map<String, String> headers = new HashMap<>();
        byte[] body = {};
    }

    private final String address;
    private final InputStream in;
    private final OutputStream out;

    Api(String address) throws IOException {
        this.address = address;
        int colon = address.lastIndexOf(':');
        Socket socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
        out = socket.getOutputStream();
    }

    Answer next() throws IOException {
        return ask("GET", "/invocation/next", null, null);
    }

    void respond(String id, byte[] body) throws IOException {
        ask("POST", "/invocation/" + id + "/response", body, null);
    }

    /** Tell what has failed: an invocation, or, where no id is given, the initialisation. */
    void fail(String id, byte[] told, String type) throws IOException {
        ask("POST", id == null ? "/init/error" : "/invocation/" + id + "/error", told, type);
    }

    private Answer ask(String method, String path, byte[] body, String errorType) throws IOException {
        StringBuilder head = new StringBuilder(method + " " + ROOT + path + " HTTP/1.1\r\nHost: " + address + "\r\n");
        if (body != null) {
            head.append("Content-Type: application/json\r\nContent-Length: ").append(body.length).append("\r\n");
        }
        if (errorType != null) {
            head.append("Lambda-Runtime-Function-Error-Type: ").append(errorType).append("\r\n");
        }
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.write(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
        if (body != null) {
            request.write(body);
        }
        request.writeTo(out);
        return read();
    }

    private Answer read() throws IOException {
        Answer answer = new Answer();
        line();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            answer.headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
        }
        answer.body = new byte[Integer.parseInt(answer.headers.getOrDefault("content-length", "0"))];
        for (int at = 0; at < answer.body.length; ) {
            int more = in.read(answer.body, at, answer.body.length - at);
            if (more < 0) {
                throw new EOFException();
            }
            at += more;
        }
        return answer;
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int one = in.read(); one != '\n'; one = in.read()) {
            if (one < 0) {
                throw new EOFException();
            }
            line.append((char) one);
        }
        return line.toString().trim();
    }
}
