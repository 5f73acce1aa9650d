"""Many clients of one file that read it slowly: python tests/bench/slow_readers.py URL CLIENTS
BYTES_PER_S

Prints a line once all have begun, and reads until its stdin ends.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from urllib.parse import urlsplit


async def read_slowly(url: str, bytes_per_s: int, begun: asyncio.Semaphore) -> None:
    """Ask for a file, and take so many bytes of it every second."""
    where = urlsplit(url)
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, (where.hostname, where.port))
        request = f"GET {where.path} HTTP/1.1\r\nHost: x\r\n\r\n"
        await loop.sock_sendall(connection, request.encode())
        part = await loop.sock_recv(connection, bytes_per_s)
        begun.release()
        while part:
            await asyncio.sleep(1)
            part = await loop.sock_recv(connection, bytes_per_s)


async def main() -> None:
    """Begin all, and wait."""
    url, clients, bytes_per_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    begun = asyncio.Semaphore(0)
    readers = [asyncio.create_task(read_slowly(url, bytes_per_s, begun)) for _ in range(clients)]
    for _ in range(clients):
        await begun.acquire()
    print("begun", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(sum(not reader.done() for reader in readers), "still read", flush=True)
    for reader in readers:
        reader.cancel()


asyncio.run(main())
