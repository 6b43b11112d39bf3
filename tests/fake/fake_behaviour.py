"""What the fake model server can be told to do, by name, with the defaults. fake_backend.py does it."""

# What an answer may do wrong. A request's behaviour is these defaults, then its scope's changes, then those of a
# "times" entry.
BEHAVIOUR = {
    # time
    "first_byte_delay": 0.0,    # seconds before the answer's first byte
    "first_event_delay": 0.0,   # seconds between headers and body
    "token_delay": 0.0,         # seconds between two events of a stream
    "hang": "",                 # "read": stops reading too; "headers": never answers; "body": headers, then nothing
    "stall_after": -1,          # a stream falls silent after so many events
    # content
    "tokens": 8,
    "text": "",                 # of each token; "" = w0, w1, ...
    "token_bytes": 0,           # pads each token to so many bytes: huge SSE lines
    "usage": "auto",            # auto (when asked) | never | always | inline (in the last chunk)
    "tool_call": False,
    "embeddings": "auto",       # auto (as asked) | float | base64
    "dimensions": 8,
    "any_model": False,         # answers for models it does not list
    # refusals
    "status": 0,                # answers with this instead
    "message": "",              # its error message
    "retry_after": "",          # header, as it stands
    "retry_after_ms": "",
    "too_long": 0,              # 400 as this kind says it, when the prompt has more tokens (words)
    "early": False,             # answers as soon as the headers are there and closes, without reading the body
    # broken answers
    "reset": "",                # "request": RST instead of an answer; "accept": as soon as its headers are there
    "close": False,             # closes instead of answering
    "cut_after": -1,            # a stream (or, of a whole answer, so many bytes) ends so, by FIN
    "reset_after": -1,          # the same by RST
    "error_after": -1,          # after so many events an error event, then the end
    "error_done": False,        # ... with [DONE] behind it
    "bad_json": False,          # 200 with a body (or a stream's second event) that is no JSON
    "body": None,               # this text instead of the answer's body
    "raw": None,                # this text (latin-1) instead of the whole answer, then close
    "gzip": False,              # compressed though not asked for
    # bytes
    "line_end": "lf",           # of SSE: lf | crlf | cr
    "data_space": True,         # "data: {" or "data:{"
    "comments": False,          # ": ping" before each event
    "bom": False,
    "done": True,               # ends a stream with [DONE]
    "last_blank": True,         # ... and with the blank line behind it
    "split": 0,                 # writes so many bytes at a time
    "split_delay": 0.0,
    "join": 1,                  # so many events in one write
    "framing": "",              # "" (stream: chunked, else length) | chunked | length | close
    "chunk_bytes": 0,           # chunks of so many bytes, wherever events end
    "interim": [],              # 1xx statuses before the answer
    "headers": {},              # more response headers
    # connections
    "keep_alive": True,         # False: closes after the answer, having said so
    "close_silently": False,    # closes after the answer without having said so
    "close_after": 0,           # closes silently after so many requests of a connection
}
SERVER = {"kind": "openai", "models": ["fake-model"], "context_length": 8192, "loading": False, "api_key": "",
          "capabilities": ["completion", "tools"], "engine_waiting": 0}
SCOPES = ("inference", "probe")


class BadSetting(Exception):
    pass


def check_settings(table, changes):
    """The changes with their types set right; an unknown key or type is an error, or a test would test nothing."""
    out = {}
    for key, value in changes.items():
        if key not in table:
            raise BadSetting(f"no such key: {key} (there are: {', '.join(sorted(table))})")
        default = table[key]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if default is not None and value is not None and not isinstance(value, type(default)):
            raise BadSetting(f"{key}: {value!r} is no {type(default).__name__}")
        if isinstance(default, int) and isinstance(value, bool) and not isinstance(default, bool):
            raise BadSetting(f"{key}: {value!r} is no number")
        out[key] = value
    return out
