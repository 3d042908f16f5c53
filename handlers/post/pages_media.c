/* What is attached to a post, one by one and large. */
#include <inttypes.h>

#include "fcgi/base/text.h"
#include "gen/templates.h"
#include "handlers/post/pages.h"
#include "handlers/post/pages_shared.h"

/* Its place in the list of those that have a page: pictures and videos. */
static const struct media_item *find(const struct media_list *list, int64_t number) {
    for (size_t i = 0; i < list->n; i++)
        if ((int64_t)list->items[i].number == number && media_has_page(&list->items[i]))
            return &list->items[i];
    return NULL;
}

/* Those beside it that have a page, and which of how many it is. */
static void set_neighbours(const struct media_list *list, struct media_page_view *v) {
    for (size_t i = 0; i < list->n; i++) {
        const struct media_item *item = &list->items[i];

        if (!media_has_page(item))
            continue;
        v->n++;
        if (item->number < v->item->number)
            v->previous = item->at;
        if (item == v->item)
            v->number = v->n;
        if (item->number > v->item->number && v->next == NULL)
            v->next = item->at;
    }
}

static struct page *page_of(struct request *req, const Pb__PostItem *item) {
    struct page *page = page_new(req, PLACE_NONE, NULL);
    const Pb__UserCard *author = post_item_author(item);

    page->title = author == NULL ? tr(req->ctx.lang, tr_mark("A picture"))
                                 : tr_fill(page->arena, page->lang, tr_mark("A picture by {name}"), "name",
                                           author->name, NULL);
    page->noindex = true; /* the post is what is to be found */
    return page;
}

enum code post_page_media(struct request *req) {
    struct media_page_view v = {0};
    const struct media_list *list;
    const Pb__PostItem *item;
    struct page *page;
    int64_t number;
    enum code c;

    if ((c = post_page_item(req, &item)) != OK)
        return c;
    page = page_of(req, item);
    list = media_shown(page, post_item_shown(item));
    if (!text_parse_int(req->args[1], 1, MEDIA_MAX, &number) || (v.item = find(list, number)) == NULL)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such picture in this post."));
    set_neighbours(list, &v);
    v.close = post_item_path(&req->ctx, item);
    if (form_is_fetch(req))
        tpl_post_media_sheet(form_html(req), page, &v);
    else
        tpl_post_media(form_html(req), page, &v);
    return OK;
}
