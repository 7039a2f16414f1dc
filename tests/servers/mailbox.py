"""A mail server on this machine that takes any message."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Mailbox:
    """A mail server of a few lines: takes any message."""

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[str] = []
        self.ready = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.stop = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.ready.set()
        await self.stop.wait()
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 here")
        while line := (await reader.readline()).decode().strip().upper():
            if line == "DATA":
                say("354 go on")
                self.messages.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            say("250 ok" if line != "QUIT" else "221 bye")
            await writer.drain()
        writer.close()


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    thread = threading.Thread(target=box.run, daemon=True)
    thread.start()
    box.ready.wait(10)
    try:
        yield box
    finally:
        box.loop.call_soon_threadsafe(box.stop.set)
        thread.join(10)
