/* Where this site calls out to for its members: which addresses are of the public internet, and which may be
 * called. Everything that follows what a member typed (webhooks, Web Push, links) asks here, with the
 * address that is about to be connected to, never with a name. */
#ifndef DEEPLINK_DRIVERS_ADDRESS_H
#define DEEPLINK_DRIVERS_ADDRESS_H

#include <stdbool.h>

struct sockaddr;

/* Whether an address is one of the public internet (IANA's special-purpose registries, RFC 6890). IPv6
 * addresses that carry an IPv4 address inside (mapped) are as public as that; those of translators and
 * tunnels (NAT64, 6to4, Teredo) never are. */
bool address_is_public(const struct sockaddr *sa);

/* Whether a list, ADDRESS:PORT or [ADDRESS]:PORT with spaces between, names this address and port. */
bool address_is_listed(const char *list, const struct sockaddr *sa);

/* Whether every word of such a list is one. */
bool address_list_ok(const char *list);

/* The port; 0 of what is neither IPv4 nor IPv6. */
int address_port(const struct sockaddr *sa);

#endif
