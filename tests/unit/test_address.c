/* Which addresses may be called. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "fcgi/drivers/address.h"

static bool is_public(const char *text) {
    struct sockaddr_in a4 = {.sin_family = AF_INET};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &a4.sin_addr) == 1)
        return address_is_public((struct sockaddr *)&a4);
    ck_assert_int_eq(inet_pton(AF_INET6, text, &a6.sin6_addr), 1);
    return address_is_public((struct sockaddr *)&a6);
}

START_TEST(addresses_of_the_internet) {
    static const char *const good[] = {
        "1.1.1.1",    "8.8.8.8",         "172.32.0.1",        "11.0.0.1",       "100.128.0.1",
        "198.17.0.1", "2606:4700::1111", "2a00:1450:4001::5", "::ffff:8.8.8.8", "2001:4860:4860::8888"};
    static const char *const bad[] = {"0.0.0.0",
                                      "10.0.0.1",
                                      "127.0.0.1",
                                      "127.255.255.254",
                                      "169.254.169.254",
                                      "172.16.0.1",
                                      "172.31.255.255",
                                      "192.168.1.1",
                                      "100.64.0.1",
                                      "192.0.2.1",
                                      "198.18.0.1",
                                      "224.0.0.1",
                                      "255.255.255.255",
                                      "::",
                                      "::1",
                                      "::ffff:127.0.0.1",
                                      "::ffff:10.1.2.3",
                                      "::7f00:1",
                                      "64:ff9b::7f00:1",
                                      "fe80::1",
                                      "fc00::1",
                                      "fd12::1",
                                      "ff02::1",
                                      "2001:db8::1",
                                      "2002:7f00:1::",
                                      "2001::1",
                                      "2001:20::1",
                                      "3fff::1",
                                      "5f00::1",
                                      "100::1",
                                      "::ffff:100.64.1.1",
                                      "::ffff:0.0.0.0",
                                      "fec0::1",
                                      "240.0.0.1",
                                      "192.88.99.1",
                                      "192.0.0.170"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(is_public(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!is_public(bad[i]), "%s", bad[i]);
    struct sockaddr local = {.sa_family = AF_UNIX};
    ck_assert(!address_is_public(&local));
}
END_TEST

static struct sockaddr_in at4(const char *address, int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    ck_assert_int_eq(inet_pton(AF_INET, address, &a.sin_addr), 1);
    return a;
}

START_TEST(a_list_names_an_address_and_its_port) {
    static const char list[] = "10.0.0.5:8080 [fd00::5]:443  127.0.0.1:9";
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    static const struct {
        const char *address;
        int port;
        bool listed;
    } rows[] = {{"10.0.0.5", 8080, true},      {"10.0.0.5", 80, false},  {"10.0.0.6", 8080, false},
                {"127.0.0.1", 9, true},        {"127.0.0.1", 90, false}, {"127.0.0.2", 9, false},
                {"169.254.169.254", 80, false}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sockaddr_in a = at4(rows[i].address, rows[i].port);

        ck_assert_msg(address_is_listed(list, (struct sockaddr *)&a) == rows[i].listed, "%s:%d",
                      rows[i].address, rows[i].port);
        ck_assert(!address_is_listed("", (struct sockaddr *)&a));
    }
    ck_assert_int_eq(inet_pton(AF_INET6, "fd00::5", &six.sin6_addr), 1);
    ck_assert(address_is_listed(list, (struct sockaddr *)&six));
    six.sin6_port = htons(444);
    ck_assert(!address_is_listed(list, (struct sockaddr *)&six));
    ck_assert_int_eq(address_port((struct sockaddr *)&six), 444);
}
END_TEST

START_TEST(a_list_is_checked) {
    static const char *const bad[] = {"10.0.0.5",      "10.0.0.5:",      ":80",          "example.org:80",
                                      "10.0.0.5:0",    "10.0.0.5:65536", "[fd00::5:443", "fd00::5:443",
                                      "10.0.0.0/8:80", "[]:80",          "]:80"};

    ck_assert(address_list_ok(""));
    ck_assert(address_list_ok("10.0.0.5:8080 [fd00::5]:443"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!address_list_ok(bad[i]), "%s", bad[i]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("address");
    TCase *t = tcase_create("all");

    tcase_add_test(t, addresses_of_the_internet);
    tcase_add_test(t, a_list_names_an_address_and_its_port);
    tcase_add_test(t, a_list_is_checked);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
