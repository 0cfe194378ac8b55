"""A mail server of aiosmtpd's that takes bearer tokens by XOAUTH2, and refuses as Google does.

xoauth2.py CERTIFICATE KEY USER TOKEN: prints "listening PORT" and serves until it is ended. The exchange and its
refusal are as Google documents them: a JSON object in a 334, an empty answer, and then the 535.
"""

import asyncio
import base64
import ssl
import sys

from aiosmtpd.smtp import MISSING, SMTP, AuthResult

CERTIFICATE, KEY, USER, TOKEN = sys.argv[1:5]
ERROR = b'{"status":"400","schemes":"Bearer","scope":"https://mail.example.test/"}'


class Handler:
    async def auth_XOAUTH2(self, server, args):
        answer = base64.b64decode(args[1]) if len(args) > 1 else await server.challenge_auth("")
        if answer is MISSING:
            return AuthResult(success=False, handled=True)
        if answer == f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01".encode():
            return AuthResult(success=True, auth_data=USER)
        await server.challenge_auth(ERROR)
        await server.push("535 5.7.8 Username and Password not accepted")
        return AuthResult(success=False, handled=True)


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, KEY)

    def session():
        return SMTP(
            Handler(), hostname="localhost", tls_context=context, require_starttls=True,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
