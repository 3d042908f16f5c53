/* JSON-LD: what schema.org's words say of a page. */
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "fcgi/drivers/markup_parts.h"

#define TEXT_MAX (256 * 1024)
#define DEPTH 16
#define GRAPH_MAX 20

static const char *text_of(struct json_object *o) {
    return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

/* The value of that name, or the first of a list of them; NULL: there is none. */
static struct json_object *get(struct json_object *o, const char *name) {
    struct json_object *v = NULL;
    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, name, &v))
        return NULL;
    if (json_object_is_type(v, json_type_array))
        v = json_object_array_length(v) > 0 ? json_object_array_get_idx(v, 0) : NULL;
    return v;
}

static void take(struct markup_parts *p, enum markup_field field, struct json_object *o) {
    const char *text = text_of(o);
    if (text != NULL)
        markup_part(p, field, FROM_JSON_LD, text);
}

static bool is_about_the_page(const char *type) {
    static const char *const types[] = {"Article",     "NewsArticle",      "BlogPosting", "WebPage",
                                        "VideoObject", "Recipe",           "Event",       "Product",
                                        "Book",        "ScholarlyArticle", "TechArticle", "Report",
                                        "Movie",       "MusicRecording"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static void take_thing(struct markup_parts *p, struct json_object *thing) {
    const char *type = text_of(get(thing, "@type"));
    if (type == NULL || !is_about_the_page(type))
        return;
    take(p, M_TITLE, get(thing, "headline"));
    take(p, M_TITLE, get(thing, "name"));
    take(p, M_DESCRIPTION, get(thing, "description"));
    take(p, M_LANGUAGE, get(thing, "inLanguage"));
    take(p, M_AUTHOR, get(get(thing, "author"), "name"));
    take(p, M_AUTHOR, get(thing, "author"));
    take(p, M_SITE, get(get(thing, "publisher"), "name"));
    take(p, M_IMAGE, get(get(thing, "image"), "url"));
    take(p, M_IMAGE, get(thing, "image"));
    take(p, M_IMAGE, get(thing, "thumbnailUrl"));
}

static void take_all(struct markup_parts *p, struct json_object *o) {
    struct json_object *graph = NULL;
    size_t n;
    if (json_object_is_type(o, json_type_object))
        json_object_object_get_ex(o, "@graph", &graph);
    if (graph == NULL)
        graph = o;
    if (!json_object_is_type(graph, json_type_array)) {
        take_thing(p, graph);
        return;
    }
    n = json_object_array_length(graph);
    for (size_t i = 0; i < n && i < GRAPH_MAX; i++)
        take_thing(p, json_object_array_get_idx(graph, i));
}

void markup_json_ld(struct markup_parts *p, const char *text, size_t n) {
    struct json_tokener *t = n <= TEXT_MAX ? json_tokener_new_ex(DEPTH) : NULL;
    if (t == NULL)
        return;
    struct json_object *o = json_tokener_parse_ex(t, text, (int)n);
    take_all(p, o);
    json_object_put(o);
    json_tokener_free(t);
}
