/* The gRPC workers of a pool: each an event loop over many HTTP/2 connections that runs one call at a time.
 *
 * A kept connection pins its client to one worker. So connections are spread by their number, calls from
 * within a call come on connections of their own, which whoever is free takes, and one worker is always left
 * for those: two pools that call each other cannot wait for each other for ever. docs/architecture.md says
 * what was measured. */
#ifndef DEEPLINK_RPC_SERVER_H
#define DEEPLINK_RPC_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/base/err.h"

struct env;

/* In the master, before the fork: metrics, and the memory that the n workers share. */
void rpc_server_init(int n);

/* In a worker, the slot-th of them (from 0): answers calls on fd until stop(), then ends those at hand.
 * Returns how many were answered. */
uint64_t rpc_server_loop(int fd, int slot, struct env *env, bool (*stop)(void));

/* Counts one answered call. */
void rpc_server_count(enum code code, int64_t us);

#endif
