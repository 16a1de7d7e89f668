package com.amazonaws.services.lambda.runtime;

/** What a handler is told of its invocation. Functions that bring aws-lambda-java-core along have theirs. */
public interface Context {
    String getAwsRequestId();

    String getLogGroupName();

    String getLogStreamName();

    String getFunctionName();

    String getFunctionVersion();

    String getInvokedFunctionArn();

    int getRemainingTimeInMillis();

    int getMemoryLimitInMB();

    LambdaLogger getLogger();
}
