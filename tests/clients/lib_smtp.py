"""A real SMTP server (aiosmtpd) for the tests of mail: prints its port, then each message it took as a line of JSON.

It reads words from its input: "ok" takes mail, "slow N" takes it and answers only after N ms, "later" refuses it with 451,
"never" with 550. Each word is answered with a line when it holds.
"""
import asyncio
import json
import socket
import sys

from aiosmtpd.smtp import SMTP


class Box:
    mode, delay = "ok", 0

    async def handle_DATA(self, server, session, envelope):
        if self.mode == "later":
            return "451 try again later"
        if self.mode == "never":
            return "550 no such mailbox"
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos,
                          "data": envelope.content.decode("utf-8", "surrogateescape")}), flush=True)
        await asyncio.sleep(self.delay / 1000)
        return "250 taken"


async def main():
    box = Box()
    loop = asyncio.get_running_loop()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        await loop.create_server(lambda: SMTP(box, hostname="mx.test", enable_SMTPUTF8=True), sock=s)
        print(json.dumps({"port": s.getsockname()[1]}), flush=True)
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            box.mode, _, number = line.decode().strip().partition(" ")
            box.delay = int(number or 0)
            print(json.dumps({"does": box.mode}), flush=True)


asyncio.run(main())
