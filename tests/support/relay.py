#!/usr/bin/env python3
"""A network between a client and a server, for tests: relay.py PORT TARGET-PORT, both of 127.0.0.1.

Stopped (SIGSTOP) it is a network in which everything is lost; killed, one that resets all connections."""
import asyncio
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def main():
    here, there = int(sys.argv[1]), int(sys.argv[2])

    async def accept(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", there)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", here)
    async with server:
        await server.serve_forever()


asyncio.run(main())
