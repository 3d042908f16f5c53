/* Inside the user service's store: how rows become cards. */
#ifndef DEEPLINK_USER_STORE_ROWS_H
#define DEEPLINK_USER_STORE_ROWS_H

#include "handlers/user/store.h"

#define CARD_COLUMNS 18 /* of the view faces; further columns stand behind */

/* The card of every row. */
Pb__UserCard **user_store_cards_of(struct ctx *ctx, const PGresult *r, size_t *ret_n);

#endif
