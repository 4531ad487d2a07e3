"""Calls the test server with Python's grpcio: python client.py host:port"""
import concurrent.futures
import os
import sys

import grpc

channel = grpc.insecure_channel(sys.argv[1], options=[("grpc.max_receive_message_length", 8 << 20)])


def same(value):
    return value


def method(path):
    return channel.unary_unary(path, request_serializer=same, response_deserializer=same)


def code_of(path, message, **options):
    try:
        method(path)(message, **options)
        return grpc.StatusCode.OK, None
    except grpc.RpcError as error:
        return error.code(), error.details()


echo = method("/test/Echo")
for size in (0, 1, 500, 65531, 65536, 1_000_000, 4 << 20):
    message = os.urandom(size)
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate):
        if compression is not grpc.Compression.NoCompression and size == 4 << 20:
            continue  # random bytes grow when packed
        assert echo(message, compression=compression, metadata=(("tenant", "a"),)) == message, (size, compression)

assert code_of("/test/No", b"x") == (grpc.StatusCode.INVALID_ARGUMENT, "naïve: 100%")
assert code_of("/test/Unknown", b"x")[0] is grpc.StatusCode.UNIMPLEMENTED
assert code_of("/test/Echo", bytes((4 << 20) + 1))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
assert code_of("/test/Never", b"x", timeout=0.3)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
assert method("/grpc.health.v1.Health/Check")(b"") == b"\x08\x01"
assert code_of("/grpc.health.v1.Health/Check", b"\x0a\x01x")[0] is grpc.StatusCode.NOT_FOUND

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    messages = [os.urandom(i * 97) for i in range(400)]
    assert list(pool.map(echo, messages)) == messages

print("all good")
