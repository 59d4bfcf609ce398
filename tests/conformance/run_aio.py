"""Runs the conformance script with the calls of `sagabase.aio` and the stubs of its package.

usage: run_aio.py SCRIPT HOST:PORT

The rest is run.py.
"""

import asyncio
import sys

import grpc
from run import OPTIONS, PATIENCE_S, Api, run_script

from sagabase import Retry, SagabaseError
from sagabase.aio.calls import Calls


class AioApi(Api):
    """Each call runs the loop until it has its answer."""

    def __init__(self, runner, address):
        self.runner = runner
        super().__init__(runner.run(self.connect(address)))

    async def connect(self, address):
        channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self.calls = Calls(channel, Retry(attempts=1), PATIENCE_S)
        return channel

    def answer(self, name, request):
        return self.run(self.calls.unary(self.methods[name][0], request, lambda answer: answer))

    def read(self, name, request):
        return self.run(self.all_of(name, request))

    def answers(self, name, requests):
        return self.run(self.all_of(name, iter(requests)))

    def raw(self, path, request):
        self.run(self.calls.unary(self.channel.unary_unary(path), request, lambda answer: None))

    def open(self, name, request):
        return Opened(self, self.run(self.start(name, request)))

    async def start(self, name, request, **options):
        return self.calls.start(self.methods[name][0], request, **options)

    async def all_of(self, name, request):
        call = await self.start(name, request, timeout=PATIENCE_S)
        messages = []
        while (message := await self.calls.receive(call)) is not grpc.aio.EOF:
            messages.append(message)
        return messages

    def run(self, work):
        try:
            return self.runner.run(work)
        except SagabaseError as error:
            raise error.__cause__ from error  # what gRPC says


class Opened:
    def __init__(self, api, call):
        self.api = api
        self.call = call

    def next(self):
        receive = self.api.calls.receive(self.call)
        try:
            return self.api.run(asyncio.wait_for(receive, PATIENCE_S))
        except grpc.RpcError as error:
            return error

    def cancel(self):
        self.call.cancel()


def main():
    script, address = sys.argv[1:]
    with asyncio.Runner() as runner:
        api = AioApi(runner, address)
        failures = run_script(script, api)
        runner.run(api.calls.close())
    return failures


if __name__ == "__main__":
    sys.exit(main())
