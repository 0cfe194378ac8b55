/* A mail server with channel binding, on SASL libraries that are not ours: Cyrus SASL or GNU SASL over OpenSSL.
 *
 * plus LIBRARY BINDING CERTIFICATE KEY USER PASSWORD|SASLDB: prints "listening PORT" and serves one client after the
 * other until it is ended. TLS begins with the first byte. LIBRARY is cyrus (which looks the password up in a sasldb)
 * or gsasl; BINDING is tls-server-end-point (RFC 5929) or tls-exporter (RFC 9266), and the only one that it knows.
 */
#include <arpa/inet.h>
#include <gsasl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sasl/sasl.h>
#include <sasl/saslutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { LINE = 8192 };

enum outcome { ACCEPTED, CHALLENGE, REFUSED };

static const char *library, *binding, *user, *secret;
static unsigned char bound[EVP_MAX_MD_SIZE];
static unsigned bound_length;

static void fail(const char *what)
{
    fprintf(stderr, "plus: %s\n", what);
    exit(1);
}

/* What both ends of this link know. */
static void bind_to(SSL *ssl)
{
    if (strcmp(binding, "tls-exporter") == 0) {
        bound_length = 32;
        if (SSL_export_keying_material(ssl, bound, bound_length, "EXPORTER-Channel-Binding", 24, NULL, 0, 1) != 1)
            fail("no keying material");
    } else if (X509_digest(SSL_get_certificate(ssl), EVP_sha256(), bound, &bound_length) != 1) {
        fail("no hash of the certificate");
    }
}

/* ---- Cyrus SASL ---- */

static int option(void *context, const char *plugin, const char *name, const char **value, unsigned *length)
{
    (void)context, (void)plugin;
    *value = strcmp(name, "sasldb_path") == 0      ? secret
             : strcmp(name, "auxprop_plugin") == 0 ? "sasldb"
             : strcmp(name, "pwcheck_method") == 0 ? "auxprop"
             : strcmp(name, "log_level") == 0      ? "0"
                                                   : NULL;
    if (length)
        *length = *value ? (unsigned)strlen(*value) : 0;
    return *value ? SASL_OK : SASL_FAIL;
}

static const sasl_callback_t callbacks[] = {
    { SASL_CB_GETOPT, (int (*)(void))option, NULL },
    { SASL_CB_LIST_END, NULL, NULL },
};

static sasl_conn_t *cyrus;

static void cyrus_new(void)
{
    static sasl_channel_binding_t channel;
    sasl_ssf_t strength = 256;
    channel = (sasl_channel_binding_t){ binding, 0, bound_length, bound };
    sasl_dispose(&cyrus);
    if (sasl_server_new("smtp", "localhost", "example.test", NULL, NULL, NULL, 0, &cyrus) != SASL_OK
        || sasl_setprop(cyrus, SASL_SSF_EXTERNAL, &strength) != SASL_OK
        || sasl_setprop(cyrus, SASL_CHANNEL_BINDING, &channel) != SASL_OK)
        fail("Cyrus SASL does not start");
}

static enum outcome cyrus_step(const char *mechanism, const char *in64, char *out64)
{
    char in[LINE];
    const char *out = NULL;
    unsigned length = 0, out_length = 0;
    int result;
    if (in64 && *in64 && sasl_decode64(in64, strlen(in64), in, sizeof in, &length) != SASL_OK)
        return REFUSED;
    if (mechanism)
        result = sasl_server_start(cyrus, mechanism, in64 ? in : NULL, length, &out, &out_length);
    else
        result = sasl_server_step(cyrus, in, length, &out, &out_length);
    if (result != SASL_OK && result != SASL_CONTINUE)
        return REFUSED;
    if (sasl_encode64(out ? out : "", out_length, out64, LINE, NULL) != SASL_OK)
        fail("a challenge is too long");
    return result == SASL_OK ? ACCEPTED : CHALLENGE;
}

/* ---- GNU SASL ---- */

static Gsasl *gnu;
static Gsasl_session *session;

static int property(Gsasl *context, Gsasl_session *asked, Gsasl_property name)
{
    (void)context;
    if (name != GSASL_PASSWORD || strcmp(gsasl_property_fast(asked, GSASL_AUTHID), user) != 0)
        return GSASL_NO_CALLBACK;
    return gsasl_property_set(asked, GSASL_PASSWORD, secret);
}

static enum outcome gsasl_answer(const char *mechanism, const char *in64, char *out64)
{
    char *out = NULL, *encoded = NULL;
    size_t length;
    int result;
    if (mechanism) {
        if (session)
            gsasl_finish(session);
        session = NULL;
        if (gsasl_server_start(gnu, mechanism, &session) != GSASL_OK
            || gsasl_base64_to((const char *)bound, bound_length, &encoded, &length) != GSASL_OK
            || gsasl_property_set(session, GSASL_CB_TLS_EXPORTER, encoded) != GSASL_OK)
            return REFUSED;
        gsasl_free(encoded);
    }
    result = gsasl_step64(session, in64 ? in64 : "", &out);
    snprintf(out64, LINE, "%s", out ? out : "");
    gsasl_free(out);
    /* Its last message holds the server's proof and has to be sent, though it is done. */
    if (result == GSASL_OK)
        return *out64 ? CHALLENGE : ACCEPTED;
    return result == GSASL_NEEDS_MORE ? CHALLENGE : REFUSED;
}

/* ---- SMTP ---- */

static enum outcome answer(const char *mechanism, const char *in64, char *out64)
{
    if (in64 && strcmp(in64, "=") == 0)
        in64 = "";
    return strcmp(library, "cyrus") == 0 ? cyrus_step(mechanism, in64, out64) : gsasl_answer(mechanism, in64, out64);
}

/* A line without its end; no when the client is gone. */
static int line(BIO *link, char *text)
{
    int length = BIO_gets(link, text, LINE);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        text[--length] = '\0';
    return length > 0 || (length == 0 && !BIO_eof(link));
}

static void say(BIO *link, const char *code, const char *text)
{
    BIO_printf(link, "%s %s\r\n", code, text);
    (void)BIO_flush(link);
}

static void authenticate(BIO *link, char *command)
{
    char challenge[LINE], response[LINE];
    char *mechanism = strtok(command, " "), *initial = strtok(NULL, " ");
    enum outcome outcome = answer(mechanism, initial, challenge);
    while (outcome == CHALLENGE) {
        say(link, "334", challenge);
        if (!line(link, response) || strcmp(response, "*") == 0)
            break;
        /* The client's empty answer to the last message of GNU SASL. */
        if (*response == '\0' && strcmp(library, "gsasl") == 0) {
            outcome = ACCEPTED;
            break;
        }
        outcome = answer(NULL, response, challenge);
    }
    if (outcome == ACCEPTED)
        say(link, "235", "2.7.0 you are in");
    else
        say(link, "535", "5.7.8 no");
}

static void serve(BIO *link)
{
    char text[LINE];
    say(link, "220", "localhost ESMTP plus");
    while (line(link, text)) {
        if (strncasecmp(text, "EHLO", 4) == 0) {
            BIO_puts(link, "250-localhost\r\n");
            say(link, "250", "AUTH SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS");
        } else if (strncasecmp(text, "AUTH ", 5) == 0) {
            authenticate(link, text + 5);
        } else if (strcasecmp(text, "QUIT") == 0) {
            say(link, "221", "2.0.0 bye");
            return;
        } else {
            say(link, "502", "5.5.1 no");
        }
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, length) != 0 || listen(listener, 5) != 0
        || getsockname(listener, (struct sockaddr *)&at, &length) != 0)
        fail("cannot listen");
    printf("listening %d\n", ntohs(at.sin_port));
    fflush(stdout);
    return listener;
}

static void meet(SSL_CTX *context, int client)
{
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, client);
    if (SSL_accept(ssl) == 1) {
        BIO *link = BIO_new(BIO_f_buffer()), *tls = BIO_new(BIO_f_ssl());
        BIO_set_ssl(tls, ssl, BIO_NOCLOSE);
        BIO_push(link, tls);
        bind_to(ssl);
        if (strcmp(library, "cyrus") == 0)
            cyrus_new();
        serve(link);
        BIO_free_all(link);
        SSL_shutdown(ssl);
    }
    ERR_clear_error();
    SSL_free(ssl);
    close(client);
}

int main(int count, char **arguments)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (count != 7)
        fail("LIBRARY BINDING CERTIFICATE KEY USER PASSWORD|SASLDB");
    library = arguments[1], binding = arguments[2], user = arguments[5], secret = arguments[6];
    if (SSL_CTX_use_certificate_chain_file(context, arguments[3]) != 1
        || SSL_CTX_use_PrivateKey_file(context, arguments[4], SSL_FILETYPE_PEM) != 1)
        fail("certificate or key cannot be used");
    if (sasl_server_init(callbacks, "plus") != SASL_OK || gsasl_init(&gnu) != GSASL_OK)
        fail("a SASL library does not start");
    gsasl_callback_set(gnu, property);
    for (int listener = listen_somewhere();;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0)
            meet(context, client);
    }
}
