"""What S3 Select says when something is wrong ("List of SELECT Object Content Error Codes", S3 API Reference)."""

from __future__ import annotations

from pileus.kernel import Fault

WORDS = {
    "CastFailed": "Attempt to convert from one data type to another using CAST failed in the SQL expression.",
    "CSVParsingError": "Encountered an error parsing the CSV file. Check the file and try again.",
    "EmptyRequestBody": "Request body cannot be empty.",
    "EvaluatorInvalidArguments": "Incorrect number of arguments in the function call in the SQL expression.",
    "EvaluatorNegativeLimit": "LIMIT must not be negative.",
    "ExpressionTooLong": "The SQL expression is too long: The maximum byte-length for the SQL expression is 256 KB.",
    "ExternalEvalException": "The query cannot be evaluated. Check the file and try again.",
    "IllegalSqlFunctionArgument": "Illegal argument was used in the SQL function.",
    "InvalidColumnIndex": "The column index in the SQL expression is invalid.",
    "InvalidCompressionFormat": "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.",
    "InvalidDataSource": "Invalid data source type. Only CSV, JSON, and Parquet are supported.",
    "InvalidDataType": "The SQL expression contains an invalid data type.",
    "InvalidExpressionType": "The ExpressionType is invalid. Only SQL expressions are supported.",
    "InvalidFileHeaderInfo": "The FileHeaderInfo is invalid. Only NONE, USE, and IGNORE are supported.",
    "InvalidJsonType": "The JsonType is invalid. Only DOCUMENT and LINES are supported.",
    "InvalidKeyPath": "Key path in the SQL expression is invalid.",
    "InvalidQuoteFields": "The QuoteFields is invalid. Only ALWAYS and ASNEEDED are supported.",
    "InvalidRequestParameter": "The value of a parameter in SelectRequest element is invalid. "
    "Check the service API documentation and try again.",
    "InvalidScanRange": "The provided scan range is invalid.",
    "InvalidTableAlias": "The SQL expression contains an invalid table alias.",
    "InvalidTextEncoding": "Invalid encoding type. Only UTF-8 encoding is supported.",
    "JSONParsingError": "Encountered an error parsing the JSON file. Check the file and try again.",
    "MissingHeaders": "Some headers in the query are missing from the file. Check the file and try again.",
    "MissingRequiredParameter": "The SelectRequest entity is missing a required parameter. "
    "Check the service documentation and try again.",
    "ObjectSerializationConflict": "The SelectRequest entity can only contain one of CSV or JSON. "
    "Check the service documentation and try again.",
    "OverMaxRecordSize": "The length of a record in the input or result is greater than the maxCharsPerRecord limit "
    "of 1 MB.",
    "ParquetParsingError": "Encountered an error parsing the Parquet file. Check the file and try again.",
    "ParseAsteriskIsNotAloneInSelectList": "Other expressions are not allowed in the SELECT list when * is used "
    "without dot notation in the SQL expression.",
    "ParseInvalidPathComponent": "The SQL expression contains an invalid path component.",
    "ParseSelectMissingFrom": "The SQL expression is missing the FROM keyword.",
    "ParseUnexpectedToken": "The SQL expression contains an unexpected token.",
    "ParseUnsupportedSelect": "The SQL expression contains an unsupported use of SELECT.",
    "ParseUnsupportedSyntax": "The SQL expression contains unsupported syntax.",
    "TruncatedInput": "Object decompression failed. Check that the object is properly compressed using the format "
    "specified in the request.",
    "UnsupportedFunction": "Encountered an unsupported SQL function.",
    "UnsupportedScanRangeInput": "Scan range queries are not supported on this type of object.",
    "UnsupportedSqlOperation": "Encountered an unsupported SQL operation.",
    "UnsupportedSqlStructure": "Encountered an unsupported SQL structure. Check the SQL Reference.",
}


def wrong(code: str, more: str = "") -> Fault:
    words = WORDS[code]
    return Fault(code, f"{words} {more}" if more else words, status=400)
