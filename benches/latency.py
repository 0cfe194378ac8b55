"""A mail server on loopback that waits before each reply: latency.py MILLISECONDS CERT KEY. Prints its port."""

import asyncio
import ssl
import sys

DELAY = float(sys.argv[1]) / 1000
CONTEXT = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
CONTEXT.load_cert_chain(sys.argv[2], sys.argv[3])
CONTEXT.minimum_version = ssl.TLSVersion.TLSv1_2
PLAIN = "250-localhost\r\n250-SIZE 50000000\r\n250 STARTTLS\r\n"
SAFE = "250-localhost\r\n250-SIZE 50000000\r\n250 AUTH PLAIN\r\n"


async def talk(reader, writer):
    """One session."""
    safe = False
    try:
        await say(writer, "220 localhost ESMTP\r\n")
        while line := await reader.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                await say(writer, SAFE if safe else PLAIN)
            elif verb == b"STARTTLS":
                await say(writer, "220 go on\r\n")
                await writer.start_tls(CONTEXT)
                safe = True
            elif verb == b"QUIT":
                await say(writer, "221 bye\r\n")
                break
            else:
                await say(writer, "250 ok\r\n")
    except (OSError, ssl.SSLError):
        pass  # clients that only look at TLS leave in the middle
    finally:
        writer.close()


async def say(writer, reply):
    """A reply, after a while."""
    await asyncio.sleep(DELAY)
    writer.write(reply.encode())
    await writer.drain()


async def main():
    """Serves until it is ended."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
