#include "fcgi/rpc_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2 */

struct rpc_tls_keys {
    SSL_CTX *server, *client;
};

struct rpc_tls {
    SSL *ssl;
    BIO *in, *out; /* the SSL's to free */
    bool open, failed;
    char why[RPC_TLS_WORDS];
};

static const unsigned char h2[] = {2, 'h', '2'};

static const char *last_words(void) {
    const char *words = ERR_reason_error_string(ERR_peek_last_error());
    return words != NULL ? words : "it cannot be read";
}

/* ---- certificates ---- */

/* Whoever starts a pool is not asked for a passphrase. */
static int no_passphrase(char *to, int room, int writing, void *arg) {
    (void)to;
    (void)room;
    (void)writing;
    (void)arg;
    return -1;
}

static int choose_h2(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offered,
                     unsigned n, void *arg) {
    unsigned char *chosen;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, ret_n, h2, sizeof h2, offered, n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void set_rules(SSL_CTX *c) {
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(c);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(c, CIPHERS);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);
    SSL_CTX_set_default_passwd_cb(c, no_passphrase);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN); /* the CA may be one below another */
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

/* The first of the three files that is wrong; NULL: none. */
static const char *read_files(SSL_CTX *c, const char *ca, const char *cert, const char *key) {
    if (SSL_CTX_load_verify_file(c, ca) != 1)
        return "grpc_ca";
    if (SSL_CTX_use_certificate_chain_file(c, cert) != 1)
        return "grpc_cert";
    return SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(c) == 1
               ? NULL
               : "grpc_key";
}

static SSL_CTX *side_new(const SSL_METHOD *method, const char *ca, const char *cert, const char *key,
                         char why[RPC_TLS_WORDS]) {
    SSL_CTX *c;
    ERR_clear_error();
    c = SSL_CTX_new(method);
    const char *wrong = "memory";
    if (c != NULL) {
        set_rules(c);
        wrong = read_files(c, ca, cert, key);
    }
    if (wrong == NULL)
        return c;
    const char *file = strcmp(wrong, "grpc_ca") == 0 ? ca : strcmp(wrong, "grpc_cert") == 0 ? cert : key;
    snprintf(why, RPC_TLS_WORDS, "%s: %.150s: %.60s", wrong, file, last_words());
    SSL_CTX_free(c);
    return NULL;
}

struct rpc_tls_keys *rpc_tls_keys_new(const char *ca, const char *cert, const char *key,
                                      char why[RPC_TLS_WORDS]) {
    struct rpc_tls_keys *keys = calloc(1, sizeof *keys);
    snprintf(why, RPC_TLS_WORDS, "memory: there is none");
    if (keys == NULL)
        return NULL;
    keys->server = side_new(TLS_server_method(), ca, cert, key, why);
    keys->client = keys->server != NULL ? side_new(TLS_client_method(), ca, cert, key, why) : NULL;
    if (keys->client == NULL) {
        rpc_tls_keys_free(keys);
        return NULL;
    }
    SSL_CTX_set_client_CA_list(keys->server, SSL_load_client_CA_file(ca));
    SSL_CTX_set_alpn_select_cb(keys->server, choose_h2, NULL);
    SSL_CTX_set_alpn_protos(keys->client, h2, sizeof h2); /* 0: done */
    why[0] = '\0';
    return keys;
}

void rpc_tls_keys_free(struct rpc_tls_keys *keys) {
    if (keys == NULL)
        return;
    SSL_CTX_free(keys->server);
    SSL_CTX_free(keys->client);
    free(keys);
}

/* ---- looking them over ---- */

/* Whether the CA's side of the store takes the own certificate, for that purpose. */
static bool is_taken(SSL_CTX *c, int purpose, FILE *out, const char *words) {
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(c, &chain);
    bool ok = store != NULL &&
              X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(c), SSL_CTX_get0_certificate(c), chain) == 1;
    if (ok) {
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(store), X509_V_FLAG_PARTIAL_CHAIN);
        X509_STORE_CTX_set_purpose(store, purpose);
        ok = X509_verify_cert(store) == 1;
        if (!ok)
            fprintf(out, "grpc_cert: as %s it is not taken: %s\n", words,
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    }
    X509_STORE_CTX_free(store);
    return ok;
}

static void write_names(const X509 *x, FILE *out) {
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    char text[INET6_ADDRSTRLEN];
    fputs("grpc_cert: for", out);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *s = n->d.ia5;
        if (n->type == GEN_DNS)
            fprintf(out, " %s", (const char *)ASN1_STRING_get0_data(s));
        else if (n->type == GEN_IPADD && inet_ntop(ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6,
                                                   ASN1_STRING_get0_data(s), text, sizeof text) != NULL)
            fprintf(out, " %s", text);
    }
    fputs(sk_GENERAL_NAME_num(names) > 0 ? "\n" : " no name that a caller could compare\n", out);
    GENERAL_NAMES_free(names);
}

bool rpc_tls_look(const char *ca, const char *cert, const char *key, FILE *out) {
    char why[RPC_TLS_WORDS];
    struct rpc_tls_keys *keys = rpc_tls_keys_new(ca, cert, key, why);
    bool ok = keys != NULL && is_taken(keys->server, X509_PURPOSE_SSL_SERVER, out, "a server's") &&
              is_taken(keys->client, X509_PURPOSE_SSL_CLIENT, out, "a caller's");
    if (keys == NULL)
        fprintf(out, "%s\n", why);
    if (ok)
        write_names(SSL_CTX_get0_certificate(keys->server), out);
    rpc_tls_keys_free(keys);
    return ok;
}

/* ---- connections ---- */

static struct rpc_tls *tls_new(SSL_CTX *side) {
    struct rpc_tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->ssl = SSL_new(side);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (t->ssl == NULL || t->in == NULL || t->out == NULL) {
        BIO_free(t->in);
        BIO_free(t->out);
        SSL_free(t->ssl);
        free(t);
        return NULL;
    }
    BIO_set_mem_eof_return(t->in, -1); /* nothing there is not the end */
    SSL_set_bio(t->ssl, t->in, t->out);
    return t;
}

struct rpc_tls *rpc_tls_accept(const struct rpc_tls_keys *keys) {
    struct rpc_tls *t = tls_new(keys->server);
    if (t != NULL)
        SSL_set_accept_state(t->ssl);
    return t;
}

static bool expect(SSL *ssl, const char *host) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return true;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct rpc_tls *rpc_tls_connect(const struct rpc_tls_keys *keys, const char *host) {
    struct rpc_tls *t = tls_new(keys->client);
    if (t == NULL)
        return NULL;
    if (!expect(t->ssl, host)) {
        rpc_tls_free(t);
        return NULL;
    }
    SSL_set_connect_state(t->ssl);
    return t;
}

void rpc_tls_free(struct rpc_tls *t) {
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}

bool rpc_tls_is_open(const struct rpc_tls *t) { return t->open; }

const char *rpc_tls_why(const struct rpc_tls *t) { return t->why; }

static void failed(struct rpc_tls *t, const char *words) {
    t->open = false;
    t->failed = true;
    snprintf(t->why, sizeof t->why, "TLS: %s", words);
}

/* What a result of OpenSSL means for the connection: true, it goes on. */
static bool goes_on(struct rpc_tls *t, int result) {
    int error = SSL_get_error(t->ssl, result);
    long verified = SSL_get_verify_result(t->ssl);
    if (error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return true;
    if (error == SSL_ERROR_ZERO_RETURN)
        failed(t, "the peer has closed the connection");
    else
        failed(t, verified != X509_V_OK ? X509_verify_cert_error_string(verified) : last_words());
    return false;
}

static void note_open(struct rpc_tls *t) {
    const unsigned char *chosen;
    unsigned n;
    if (t->open || t->failed || !SSL_is_init_finished(t->ssl))
        return;
    SSL_get0_alpn_selected(t->ssl, &chosen, &n);
    t->open = n == 2 && memcmp(chosen, "h2", 2) == 0;
    if (!t->open)
        failed(t, "the peer speaks no HTTP/2 (ALPN)");
}

static bool shake(struct rpc_tls *t) {
    if (!t->open && !t->failed) {
        ERR_clear_error();
        if (goes_on(t, SSL_do_handshake(t->ssl)))
            note_open(t);
    }
    return t->open;
}

void rpc_tls_put(struct rpc_tls *t, const void *p, size_t n) {
    if (BIO_write(t->in, p, (int)n) != (int)n)
        failed(t, "there is no memory");
}

ssize_t rpc_tls_get(struct rpc_tls *t, void *to, size_t room) {
    if (!shake(t))
        return t->failed ? -1 : 0;
    ERR_clear_error();
    int n = SSL_read(t->ssl, to, (int)room);
    if (n > 0)
        return n;
    return goes_on(t, n) ? 0 : -1;
}

/* Moves what OpenSSL has for the peer to the end of `out`. */
static bool drain(struct rpc_tls *t, struct buf *out) {
    size_t n = BIO_ctrl_pending(t->out);
    if (n == 0)
        return true;
    if (!buf_reserve(out, n))
        return false;
    n = (size_t)BIO_read(t->out, out->p + out->n, (int)n);
    out->n += n;
    return true;
}

bool rpc_tls_seal(struct rpc_tls *t, struct buf *out) {
    bool open = shake(t);
    if (open && out->n > 0) {
        ERR_clear_error();
        goes_on(t, SSL_write(t->ssl, out->p, (int)out->n));
    }
    out->n = 0;
    return drain(t, out) && (!t->failed || out->n > 0);
}

void rpc_tls_leave(struct rpc_tls *t, struct buf *out) {
    if (!t->open)
        return;
    ERR_clear_error();
    SSL_shutdown(t->ssl);
    drain(t, out);
}
