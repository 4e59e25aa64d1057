"""SHA-256 of what a config says, however its JSON is spelled (docs/formats/trace.md)."""

import hashlib
import struct

# How a model is trained, and addresses that Keras puts in, say nothing about what it computes.
NOT_COMPUTED = {"compile_config", "shared_object_id"}


def config_digest(config):
    """The digest of a parsed `config.json`."""
    return hashlib.sha256(b"".join(_spell(config))).hexdigest()


def _text(value):
    data = value.encode("utf-8", "surrogatepass")
    return b"s%d:%s" % (len(data), data)


def _spell(value):
    if value is None:
        yield b"n"
    elif isinstance(value, bool):
        yield b"t" if value else b"f"
    elif isinstance(value, int):
        yield b"i%d;" % value
    elif isinstance(value, float):
        yield b"dnan;" if value != value else b"d%s;" % struct.pack(">d", value).hex().encode()
    elif isinstance(value, str):
        yield _text(value)
    elif isinstance(value, (list, tuple)):
        yield b"l"
        for item in value:
            yield from _spell(item)
        yield b"e"
    else:
        yield b"o"
        for key in sorted((key for key in value if key not in NOT_COMPUTED), key=lambda key: key.encode()):
            yield _text(key)
            yield from _spell(value[key])
        yield b"e"
