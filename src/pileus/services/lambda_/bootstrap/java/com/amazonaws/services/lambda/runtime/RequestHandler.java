package com.amazonaws.services.lambda.runtime;

/** A handler of events that are JSON. */
public interface RequestHandler<I, O> {
    O handleRequest(I input, Context context);
}
