"""What transformers do to an event: a document is made of its message, by one processor after the other.

paths           fields of documents, by names such as `a.b[0]`
grok            the pattern language of the processor of that name
times           dates by patterns such as `yyyy-MM-dd`
parsers         processors that read a text: JSON, values with delimiters, the logs of AWS's services
processors      those that change a document; and all of them in a row
"""

from .processors import Transform

__all__ = ["Transform"]
