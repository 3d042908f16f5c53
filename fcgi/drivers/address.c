#include "fcgi/drivers/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fcgi/base/text.h"

#define WORD_MAX 64

/* ---- what is public */

struct block4 {
    uint32_t net;
    unsigned bits;
};

static bool is_public4(uint32_t a) {
    static const struct block4 special[] = {
        {0x00000000, 8},                                      /* this network */
        {0x0a000000, 8},                                      /* private */
        {0x64400000, 10},                                     /* shared by carriers */
        {0x7f000000, 8},                                      /* loopback */
        {0xa9fe0000, 16},                                     /* link-local, and the metadata of clouds */
        {0xac100000, 12},                                     /* private */
        {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, /* protocols, examples, 6to4 relays */
        {0xc0a80000, 16},                                     /* private */
        {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, /* benchmarks, examples */
        {0xe0000000, 4},  {0xf0000000, 4},                    /* multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (((a ^ special[i].net) >> (32 - special[i].bits)) == 0)
            return false;
    return true;
}

static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Only what IANA gave out as global unicast (2000::/3), and of that not protocols with Teredo (2001::/23),
 * examples (2001:db8::/32, 3fff::/20) and 6to4 (2002::/16). */
static bool is_public6(const unsigned char a[16]) {
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(a, mapped, sizeof mapped) == 0)
        return is_public4(be32(a + 12));
    uint32_t top = be32(a);
    return top >> 29 == 1 && top >> 9 != 0x20010000 >> 9 && top != 0x20010db8 && top >> 16 != 0x2002 &&
           top >> 12 != 0x3fff0000 >> 12;
}

bool address_is_public(const struct sockaddr *sa) {
    if (sa->sa_family == AF_INET)
        return is_public4(ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr));
    if (sa->sa_family == AF_INET6)
        return is_public6(((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr);
    return false;
}

int address_port(const struct sockaddr *sa) {
    if (sa->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
    if (sa->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
    return 0;
}

/* ---- what a list names */

struct place {
    int family;
    unsigned char address[16];
    int port;
};

/* One word, "10.0.0.5:8080" or "[fd00::5]:443". */
static bool parse(const char *word, size_t n, struct place *ret) {
    char s[WORD_MAX];
    int64_t port;
    if (n >= sizeof s)
        return false;
    memcpy(s, word, n);
    s[n] = '\0';
    char *colon = strrchr(s, ':');
    if (colon == NULL || !text_parse_int(colon + 1, 1, 65535, &port))
        return false;
    *colon = '\0';
    ret->port = (int)port;
    ret->family = s[0] == '[' ? AF_INET6 : AF_INET;
    if (ret->family == AF_INET)
        return inet_pton(AF_INET, s, ret->address) == 1;
    if (colon[-1] != ']')
        return false;
    colon[-1] = '\0';
    return inet_pton(AF_INET6, s + 1, ret->address) == 1;
}

static bool is_place(const struct place *p, const struct sockaddr *sa) {
    if (p->family != sa->sa_family || p->port != address_port(sa))
        return false;
    if (p->family == AF_INET)
        return memcmp(p->address, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4) == 0;
    return memcmp(p->address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16) == 0;
}

/* The next word of a list, and its length; 0 at the end. */
static size_t next_word(const char **at) {
    *at += strspn(*at, " \t");
    return strcspn(*at, " \t");
}

bool address_is_listed(const char *list, const struct sockaddr *sa) {
    struct place p;
    size_t n;
    for (; (n = next_word(&list)) > 0; list += n)
        if (parse(list, n, &p) && is_place(&p, sa))
            return true;
    return false;
}

bool address_list_ok(const char *list) {
    struct place p;
    size_t n;
    for (; (n = next_word(&list)) > 0; list += n)
        if (!parse(list, n, &p))
            return false;
    return true;
}
