"""What the behaviours of `sagabase.aio` are tried on, beyond python_house.py."""

import asyncio
import time

import grpc

PATIENCE_S = 20


async def error_of(kind, work):
    try:
        await work
    except kind as error:
        assert type(error) is kind, f"{error!r} instead of {kind.__name__}"
        return error
    raise AssertionError(f"no {kind.__name__}")


async def every(items):
    return [item async for item in items]


async def until(so):
    """The condition of a test, which is not told when it changes."""
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end, "it never was so"
        await asyncio.sleep(0.001)


async def cancelled(task):
    """Cancels it, and sees that it ends by that."""
    task.cancel()
    await asyncio.wait([task], timeout=PATIENCE_S)
    assert task.cancelled(), f"{task} was not cancelled"


def tasks():
    """Of the loop, but for the one in which gRPC's server waits for its next call."""
    return {t for t in asyncio.all_tasks() if "AioServer" not in t.get_coro().__qualname__}


class SilentServer(grpc.GenericRpcHandler):
    """Takes every call and never answers. Run it within the test's loop."""

    async def __aenter__(self):
        self.underway = 0
        self.server = grpc.aio.server(handlers=[self])
        self.address = "127.0.0.1:%d" % self.server.add_insecure_port("127.0.0.1:0")
        await self.server.start()
        return self

    async def __aexit__(self, *_):
        await self.server.stop(None)

    def service(self, details):
        async def handle(requests, context):
            self.underway += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.underway -= 1

        return grpc.stream_stream_rpc_method_handler(handle)
