/* Web Push: the numbers of RFC 8291 and RFC 8292, and addresses that may not be called. */
#include <arpa/inet.h>
#include <check.h>
#undef fail
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/webpush.h"

static struct ctx ctx;

static void setup(void) { ctx = (struct ctx){.arena = arena_new(1 << 20), .request_id = ""}; }
static void teardown(void) { arena_free(ctx.arena); }

static void bytes(const char *text, unsigned char *to, size_t n) {
    unsigned char *p;
    size_t got;
    ck_assert(text_base64url_decode(ctx.arena, text, &p, &got));
    ck_assert_uint_eq(got, n);
    memcpy(to, p, n);
}

static const char *header(const struct webpush_message *m, const char *name) {
    for (size_t i = 0; i < m->n_headers; i++)
        if (strcmp(m->headers[i].name, name) == 0)
            return m->headers[i].value;
    return "";
}

static struct webpush_target rfc_target(void) {
    struct webpush_target to = {.endpoint = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"};
    ck_assert(webpush_target_read(
        &ctx, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg", &to));
    return to;
}

/* RFC 8291, section 5 and appendix A. */
START_TEST(the_rfcs_message) {
    static const char words[] = "When I grow up, I want to be a watermelon";
    struct webpush_target to = rfc_target();
    struct webpush_lot lot;
    struct webpush_message m;
    bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", lot.secret, sizeof lot.secret);
    bytes("DGv6ra1nlYgDCS1FRnbzlw", lot.salt, sizeof lot.salt);
    ck_assert_int_eq(webpush_seal(&ctx, &to, &lot, words, sizeof words - 1, &m), OK);
    ck_assert_str_eq(
        text_base64url(ctx.arena, m.body, m.n),
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
        "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulc"
        "y4a-fN");
    ck_assert_str_eq(header(&m, "Content-Encoding"), "aes128gcm");
}
END_TEST

/* RFC 8292, section 2.4. */
START_TEST(the_rfcs_signature) {
    static const char token[] =
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9."
        "eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUu"
        "Y29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
    unsigned char point[WEBPUSH_POINT];
    bytes("BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs", point,
          sizeof point);
    ck_assert(webpush_token_verify(&ctx, token, point));
    char *other = arena_strdup(ctx.arena, token);
    other[50] = other[50] == 'A' ? 'B' : 'A';
    ck_assert(!webpush_token_verify(&ctx, other, point));
    ck_assert(!webpush_token_verify(&ctx, "a.b", point));
}
END_TEST

START_TEST(the_site_signs) {
    unsigned char secret[32] = {7}, another[32] = {8};
    struct webpush_key key, same, other;
    struct webpush_message m;
    struct webpush_target to = rfc_target();
    ck_assert_int_eq(webpush_key_of(&ctx, secret, &key), OK);
    ck_assert_int_eq(webpush_key_of(&ctx, secret, &same), OK);
    ck_assert_int_eq(webpush_key_of(&ctx, another, &other), OK);
    ck_assert_str_eq(key.public_key, same.public_key);
    ck_assert_str_ne(key.public_key, other.public_key);
    ck_assert_uint_eq(strlen(key.public_key), 87);
    struct webpush_wish wish = {"mailto:ada@example.org", "topic", true, 3600, INT64_C(1700000000000)};
    ck_assert_int_eq(webpush_make(&ctx, &key, &to, "{}", 2, &wish, &m), OK);
    const char *authorization = header(&m, "Authorization");
    ck_assert(text_starts(authorization, "vapid t="));
    const char *comma = strchr(authorization, ',');
    const char *token = arena_strndup(ctx.arena, authorization + 8, (size_t)(comma - authorization) - 8);
    ck_assert(webpush_token_verify(&ctx, token, key.point));
    ck_assert(!webpush_token_verify(&ctx, token, other.point));
    ck_assert_str_eq(comma + 4, key.public_key);
    unsigned char *claims;
    size_t n;
    const char *dot = strchr(token, '.') + 1;
    ck_assert(
        text_base64url_decode(ctx.arena, arena_strndup(ctx.arena, dot, strcspn(dot, ".")), &claims, &n));
    ck_assert_str_eq(
        (char *)claims,
        "{\"aud\":\"https://push.example.net\",\"exp\":1700043200,\"sub\":\"mailto:ada@example.org\"}");
    ck_assert_str_eq(header(&m, "TTL"), "3600");
    ck_assert_str_eq(header(&m, "Urgency"), "high");
    ck_assert_str_eq(header(&m, "Topic"), "topic");
    to.legacy = true;
    ck_assert_int_eq(webpush_make(&ctx, &key, &to, "{}", 2, &wish, &m), OK);
    ck_assert_str_eq(header(&m, "Content-Encoding"), "aesgcm");
    ck_assert_uint_eq(m.n, 2 + 2 + 16);
    ck_assert(text_starts(header(&m, "Authorization"), "WebPush "));
    ck_assert(strstr(header(&m, "Crypto-Key"), key.public_key) != NULL);
}
END_TEST

START_TEST(what_is_no_key) {
    struct webpush_target to;
    /* with the other alphabet and padding, as some apps send it */
    ck_assert(webpush_target_read(
        &ctx, "BCVxsr7N/eNgVRqvHtD0zTZsEc6+VV+JvLexhqUzORcxaOzi6+AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4=",
        "BTBZMqHH6r4Tts7J/aSIgg==", &to));
    ck_assert(!webpush_target_read(
        &ctx, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw8",
        "BTBZMqHH6r4Tts7J_aSIgg", &to));
    ck_assert(!webpush_target_read(&ctx, "", "", &to));
    ck_assert(!webpush_target_read(&ctx, NULL, "BTBZMqHH6r4Tts7J_aSIgg", &to));
    char *big = arena_zalloc(ctx.arena, WEBPUSH_PAYLOAD_MAX + 1);
    struct webpush_lot lot = {.secret = {1}};
    struct webpush_message m;
    to = rfc_target();
    ck_assert_int_eq(webpush_seal(&ctx, &to, &lot, big, WEBPUSH_PAYLOAD_MAX + 1, &m), INVALID);
}
END_TEST

/* ---- addresses ---- */

START_TEST(urls_that_may_be_called) {
    ck_assert(http_url_ok("https://push.example.net/a?b=c", false));
    ck_assert(!http_url_ok("http://push.example.net/a", false));
    ck_assert(http_url_ok("http://127.0.0.1:8000/a", true));
    ck_assert(!http_url_ok("https://user:word@push.example.net/", true));
    ck_assert(http_url_ok("https://push.example.net/@ada", true));
    ck_assert(!http_url_ok("ftp://push.example.net/", true));
    ck_assert(!http_url_ok("file:///etc/passwd", true));
    ck_assert(!http_url_ok("", true));
    char *lengthy = arena_printf(ctx.arena, "https://a.org/%02001d", 0);
    ck_assert(!http_url_ok(lengthy, true));
}
END_TEST

struct ending {
    enum code code;
    bool over, sent;
};

static void ends(void *arg, enum code code, const struct http_reply *reply) {
    *(struct ending *)arg = (struct ending){code, true, reply->sent};
}

/* A name or number of one's own network is refused when it is connected to, not by how it looks. */
START_TEST(private_networks_are_not_called) {
    static const char *const urls[] = {"https://127.0.0.1:9/",  "https://localhost:9/",
                                       "https://2130706433:9/", "https://[::1]:9/",
                                       "https://0x7f.1:9/",     "https://[::ffff:127.0.0.1]:9/"};
    struct http *h = http_open(500, false);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct ending end = {0};
        struct http_request call = {.url = urls[i], .body = "x", .n = 1, .done = ends, .arg = &end};
        ck_assert_int_eq(http_begin(&ctx, h, &call), OK);
        while (http_step(h, 100) > 0)
            continue;
        ck_assert(end.over && !end.sent);
        ck_assert_msg(end.code == DENIED, "%s: %s", urls[i], ctx.error.detail);
        fail_clear(&ctx);
    }
    http_close(h);
}
END_TEST

int main(void) {
    Suite *s = suite_create("webpush");
    TCase *t = tcase_create("webpush");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_rfcs_message);
    tcase_add_test(t, the_rfcs_signature);
    tcase_add_test(t, the_site_signs);
    tcase_add_test(t, what_is_no_key);
    tcase_add_test(t, urls_that_may_be_called);
    tcase_add_test(t, private_networks_are_not_called);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
