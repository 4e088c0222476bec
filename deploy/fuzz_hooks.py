"""What schemathesis does not know: how to send application/x-ndjson. What it generates is sent as it is."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def as_it_is(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()
