/* Addresses of a host by name. The C library asks in a thread of its own (getaddrinfo_a(3)), so a name server
 * that does not answer holds up a call for a second at most; what it said last is used meanwhile. */
#ifndef DEEPLINK_RPC_LOOKUP_H
#define DEEPLINK_RPC_LOOKUP_H

#include <netdb.h>
#include <stdint.h>

struct rpc_lookup;

/* place: "name:port", "192.0.2.1:port" or "[2001:db8::1]:port". NULL: no memory, or none of those. */
struct rpc_lookup *rpc_lookup_new(const char *place);
void rpc_lookup_free(struct rpc_lookup *l);

/* The name or address alone. */
const char *rpc_lookup_host(const struct rpc_lookup *l);

/* Its addresses, asked for anew when they are older than half a minute. Waits no longer than until then
 * (clock_mono_us()), and no more than a second for one answer of name servers. NULL and errno when there are
 * none. They live until the next call. */
const struct addrinfo *rpc_lookup_addresses(struct rpc_lookup *l, int64_t deadline_us);

/* Who has moved is looked for anew by the next call: those addresses did not answer. */
void rpc_lookup_forget(struct rpc_lookup *l);

#endif
