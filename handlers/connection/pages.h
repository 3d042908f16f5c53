/* The connection service's pages, one function an endpoint; addresses stand in routes.c. */
#ifndef DEEPLINK_CONNECTION_PAGES_H
#define DEEPLINK_CONNECTION_PAGES_H

#include "fcgi/request.h"

enum code connection_page_followers(struct request *req);
enum code connection_page_following(struct request *req);
enum code connection_page_network(struct request *req);
enum code connection_page_follow(struct request *req);
enum code connection_page_unfollow(struct request *req);
enum code connection_page_remove_follower(struct request *req);
enum code connection_page_block_ask(struct request *req);
enum code connection_page_block(struct request *req);
enum code connection_page_unblock(struct request *req);
enum code connection_page_mute_ask(struct request *req);
enum code connection_page_mute(struct request *req);
enum code connection_page_unmute(struct request *req);
enum code connection_page_accept(struct request *req);
enum code connection_page_reject(struct request *req);
enum code connection_page_blocks(struct request *req);
enum code connection_page_mutes(struct request *req);

/* Lists that members keep (pages_lists.c). */
enum code connection_page_lists(struct request *req);
enum code connection_page_list_create(struct request *req);
enum code connection_page_list_form(struct request *req);
enum code connection_page_list_change(struct request *req);
enum code connection_page_list_delete_ask(struct request *req);
enum code connection_page_list_delete(struct request *req);
enum code connection_page_list_members(struct request *req);
enum code connection_page_list_followed(struct request *req);
enum code connection_page_list_add(struct request *req);
enum code connection_page_list_remove(struct request *req);
enum code connection_page_lists_of(struct request *req);

#endif
