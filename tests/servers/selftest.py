"""Drives the servers that all.sh has started. Run by selftest.sh with their directory as the only argument."""

import base64
import hashlib
import hmac
import os
import smtplib
import ssl
import subprocess
import sys
import time
import unittest

ROOT = sys.argv.pop(1)
HOST = "127.0.0.1"
MESSAGE = "Subject: {0}\r\n\r\nA body\r\n.with dots\r\n..and more: \u00e9\r\n"


def read_env(server):
    path = os.path.join(ROOT, server, "env")
    if not os.path.exists(path):
        raise unittest.SkipTest(server + " is not running")
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("=", 1) for line in lines)


def scram(client, digest, user, password):
    """SCRAM as RFC 5802 has it, and whether the server proved itself too."""
    bare = "n={},r=abcdefghij".format(user.replace("=", "=3D").replace(",", "=2C"))
    code, challenge = client.docmd("AUTH", f"SCRAM-{digest} " + base64.b64encode(b"n,," + bare.encode()).decode())
    if code != 334:
        return code, False
    first = base64.b64decode(challenge).decode()
    parts = dict(part.split("=", 1) for part in first.split(","))
    name = digest.lower().replace("-", "")
    salted = hashlib.pbkdf2_hmac(name, password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
    mac = lambda key, text: hmac.new(key, text, name).digest()
    client_key = mac(salted, b"Client Key")
    without_proof = "c=biws,r=" + parts["r"]
    signed = ",".join([bare, first, without_proof]).encode()
    signature = mac(hashlib.new(name, client_key).digest(), signed)
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    final = without_proof + ",p=" + base64.b64encode(proof).decode()
    code, answer = client.docmd(base64.b64encode(final.encode()).decode())
    expected = b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), signed))
    if code != 334:
        return code, False
    proved = base64.b64decode(answer) == expected
    return client.docmd("")[0], proved


class Server(unittest.TestCase):
    name = None

    @classmethod
    def setUpClass(cls):
        cls.env = read_env(cls.name)

    def tls(self):
        return ssl.create_default_context(cafile=self.env["CA_FILE"])

    def connect(self, port, tls=True):
        client = smtplib.SMTP("localhost", int(self.env[port + "_PORT"]), "test.example.test", timeout=20)
        self.addCleanup(client.close)
        client.ehlo()
        if tls:
            client.starttls(context=self.tls())
            client.ehlo()
        return client

    def login(self, client):
        client.login(self.env["USER"], self.env["PASSWORD"])
        return client

    def deliver(self, client, body="delivery", mailbox="MAILBOX"):
        """Sends to alice and gives back what lies in her mailbox then."""
        token = f"{body} {time.time_ns()}"
        client.sendmail("bob@example.test", ["alice@example.test"], MESSAGE.format(token).encode())
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            folder = self.env[mailbox]
            for entry in os.listdir(folder) if os.path.isdir(folder) else []:
                with open(os.path.join(folder, entry), "rb") as file:
                    content = file.read()
                if token.encode() in content:
                    return content
            time.sleep(0.05)
        self.fail("the message did not arrive")

    def assert_delivered_whole(self, content):
        expected = "\n\nA body\n.with dots\n..and more: \u00e9\n".encode()
        self.assertTrue(content.endswith(expected), content)

    def refusal(self, client, recipient):
        client.mail("bob@example.test")
        code, text = client.rcpt(recipient)
        return code, text.decode()


class Postfix(Server):
    name = "postfix"

    def test_takes_mail_for_its_own_people(self):
        self.assert_delivered_whole(self.deliver(self.connect("SMTP", tls=False)))
        self.assert_delivered_whole(self.deliver(self.connect("SMTP")))

    def test_refuses_what_it_should(self):
        client = self.connect("SMTP", tls=False)
        for recipient, code, text in [
            ("nobody@example.test", 550, "5.1.1"),
            ("bob@elsewhere.test", 554, "5.7.1"),
            ("full@example.test", 452, "4.2.2"),
            ("busy@example.test", 450, "4.2.1"),
        ]:
            got = self.refusal(client, recipient)
            self.assertEqual(got[0], code, got)
            self.assertIn(text, got[1])
            client.rset()
        self.assertNotIn("auth", client.esmtp_features)

    def test_submission_wants_tls_then_a_login(self):
        client = self.connect("SUBMISSION", tls=False)
        self.assertEqual(client.mail("alice@example.test")[0], 530)
        client = self.connect("SUBMISSION")
        self.assertEqual(self.refusal(client, "alice@example.test")[0], 554)
        self.assertEqual(self.refusal(self.login(self.connect("SUBMISSION")), "bob@elsewhere.test")[0], 250)
        self.assert_delivered_whole(self.deliver(self.login(self.connect("SUBMISSION"))))

    def test_smtps(self):
        client = smtplib.SMTP_SSL("localhost", int(self.env["SMTPS_PORT"]), context=self.tls(), timeout=20)
        self.addCleanup(client.close)
        self.assert_delivered_whole(self.deliver(self.login(client)))

    def test_every_mechanism_by_hand(self):
        offered = self.connect("SUBMISSION").esmtp_features["auth"].split()
        for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]:
            self.assertIn(mechanism, offered)
        for digest in ["SHA-1", "SHA-256", "SHA-512"]:
            for password, code, proved in [(self.env["PASSWORD"], 235, True), ("wrong", 535, False)]:
                got = scram(self.connect("SUBMISSION"), digest, self.env["USER"], password)
                self.assertEqual(got, (code, proved), digest)

    def test_swaks_and_curl(self):
        for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"]:
            subprocess.run(
                ["swaks", "--silent", "2", "-tls", "--server", HOST, "--port", self.env["SUBMISSION_PORT"]]
                + ["--auth", mechanism, "--auth-user", self.env["USER"], "--auth-password", self.env["PASSWORD"]]
                + ["--from", self.env["USER"], "--to", "alice@example.test"],
                check=True,
                stdin=subprocess.DEVNULL,
            )
        subprocess.run(
            ["curl", "-sS", "--url", f"smtps://localhost:{self.env['SMTPS_PORT']}", "--cacert", self.env["CA_FILE"]]
            + ["-u", self.env["USER"] + ":" + self.env["PASSWORD"], "--mail-from", self.env["USER"]]
            + ["--mail-rcpt", "alice@example.test", "-T", "-"],
            check=True,
            input=b"Subject: by curl\r\n\r\nbody\r\n",
        )

    def test_the_faulty_services_have_their_faults(self):
        for service, word in [
            ("EXPIRED", "expired"),
            ("FUTURE", "not yet valid"),
            ("WRONGNAME", "mismatch"),
            ("NOCHAIN", "unable to get local issuer"),
            ("SELFSIGNED", "self-signed"),
        ]:
            with self.assertRaises(ssl.SSLCertVerificationError) as caught:
                self.connect(service)
            self.assertIn(word, str(caught.exception))
        self.assertEqual(self.connect("TLS12").sock.version(), "TLSv1.2")
        self.assertEqual(self.connect("SMTP").sock.version(), "TLSv1.3")
        self.assertNotIn("starttls", self.connect("NOTLS", tls=False).esmtp_features)
        self.assertEqual(self.refusal(self.connect("OPENRELAY", tls=False), "x@elsewhere.test")[0], 250)
        self.assertEqual(self.refusal(self.connect("GREYLIST", tls=False), "alice@example.test")[0], 450)
        self.login(self.connect("PLAINAUTH", tls=False))
        start = time.monotonic()
        self.connect("TARPIT", tls=False)
        self.assertGreater(time.monotonic() - start, 2)

    def test_a_client_certificate_is_demanded(self):
        client = smtplib.SMTP("localhost", int(self.env["CLIENTCERT_PORT"]), timeout=20)
        self.addCleanup(client.close)
        context = self.tls()
        pair = [os.path.join(self.env["CERTS"], "client." + end) for end in ("pem", "key")]
        context.load_cert_chain(*pair)
        client.starttls(context=context)
        self.assertEqual(client.ehlo()[0], 250)
        with self.assertRaises((smtplib.SMTPException, OSError)):
            self.connect("CLIENTCERT").mail("alice@example.test")


class Dovecot(Server):
    name = "dovecot"

    def test_submission(self):
        client = self.login(self.connect("SUBMISSION"))
        client.sendmail("alice@example.test", ["bob@elsewhere.test"], MESSAGE.format("x").encode())

    def test_submissions(self):
        client = smtplib.SMTP_SSL("localhost", int(self.env["SUBMISSIONS_PORT"]), context=self.tls(), timeout=20)
        self.addCleanup(client.close)
        self.login(client).mail("alice@example.test")

    def test_every_mechanism_by_hand(self):
        for digest in ["SHA-1", "SHA-256"]:
            for password, code, proved in [(self.env["PASSWORD"], 235, True), ("wrong", 535, False)]:
                got = scram(self.connect("SUBMISSION"), digest, self.env["USER"], password)
                self.assertEqual(got, (code, proved), digest)

    def test_bearer_tokens(self):
        user = self.env["USER"]
        for token, first, last in [("TOKEN", 235, None), ("EXPIRED_TOKEN", 334, 535)]:
            bearer = f"auth=Bearer {self.env[token]}\1\1"
            for mechanism, text in [("XOAUTH2", f"user={user}\1{bearer}"), ("OAUTHBEARER", f"n,a={user},\1{bearer}")]:
                client = self.connect("SUBMISSION")
                code, _ = client.docmd("AUTH", mechanism + " " + base64.b64encode(text.encode()).decode())
                self.assertEqual(code, first, mechanism)
                if last:
                    self.assertEqual(client.docmd("AQ==")[0], last)

    def test_lmtp_delivers(self):
        client = smtplib.LMTP("localhost", int(self.env["LMTP_PORT"]), timeout=20)
        self.addCleanup(client.close)
        self.assert_delivered_whole(self.deliver(client).replace(b"\r\n", b"\n"))
        self.assertEqual(self.refusal(client, "nobody@example.test")[0], 550)


class Exim(Server):
    name = "exim"

    def test_takes_mail_for_its_own_people(self):
        self.assert_delivered_whole(self.deliver(self.connect("SMTP")))

    def test_refuses_what_it_should(self):
        client = self.connect("SMTP", tls=False)
        self.assertEqual(self.refusal(client, "nobody@example.test"), (550, "Unknown user"))
        client.rset()
        self.assertEqual(self.refusal(client, "bob@elsewhere.test"), (550, "relay not permitted"))

    def test_submission_wants_tls_then_a_login(self):
        self.assertNotIn("auth", self.connect("SUBMISSION", tls=False).esmtp_features)
        self.assertEqual(self.connect("SUBMISSION").mail("alice@example.test")[0], 550)
        self.assert_delivered_whole(self.deliver(self.login(self.connect("SUBMISSION"))))

    def test_mechanisms(self):
        for mechanism in ["auth_plain", "auth_login", "auth_cram_md5"]:
            for password, code in [(self.env["PASSWORD"], 235), ("wrong", 535)]:
                client = self.connect("SUBMISSION")
                client.user, client.password = self.env["USER"], password
                name = mechanism[5:].upper().replace("_", "-")
                try:
                    got = client.auth(name, getattr(client, mechanism), initial_response_ok=name == "PLAIN")[0]
                except smtplib.SMTPAuthenticationError as error:
                    got = error.smtp_code
                self.assertEqual(got, code, mechanism)


class OpenSmtpd(Server):
    name = "opensmtpd"

    def test_takes_mail_for_its_own_people(self):
        self.assert_delivered_whole(self.deliver(self.connect("SMTP", tls=False)))

    def test_refuses_what_it_should(self):
        client = self.connect("SMTP", tls=False)
        for recipient in ["nobody@example.test", "bob@elsewhere.test"]:
            self.assertEqual(self.refusal(client, recipient)[0], 550)
            client.rset()
        self.assertEqual(self.connect("SUBMISSION", tls=False).mail("alice@example.test")[0], 530)

    def test_tls_is_as_it_says(self):
        if self.env["HANDSHAKE"] == "yes":
            self.login(self.connect("SUBMISSION")).mail("alice@example.test")
        else:
            with self.assertRaises(ssl.SSLError):
                self.connect("SMTP")


class Sink(Server):
    name = "sink"

    def test_takes_everything(self):
        client = self.connect("SINK", tls=False)
        self.assertEqual(client.sendmail("a@b.test", ["c@d.test", "e@f.test"], MESSAGE.format("x").encode()), {})
        client = smtplib.LMTP("localhost", int(self.env["LMTP_SINK_PORT"]), timeout=20)
        self.assertEqual(client.sendmail("a@b.test", ["c@d.test"], MESSAGE.format("x").encode()), {})
        client.close()


if __name__ == "__main__":
    unittest.main(verbosity=1)
