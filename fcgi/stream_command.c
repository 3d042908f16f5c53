#include "fcgi/stream_command.h"

#include <string.h>

#include "fcgi/base/err.h"
#include "fcgi/json.h"

#include "fcgi/params.h"
#include "fcgi/stream_ticket.h"

static const struct param_limits limits = {.count = 16, .name = 64, .value = 512, .total = 1024, .depth = 2};

static const char *text_of(const struct params *p, const char *name) {
    const char *text = params_get(p, name);

    return text != NULL ? text : "";
}

const char *stream_command_read(struct arena *a, const char *p, size_t n, struct stream_command *ret) {
    struct params said;
    struct error error = {0};
    const char *type;

    *ret = (struct stream_command){.stream = "", .tag = "", .list = ""};
    params_init(&said, a);
    if (json_parse_params(&said, p, n, &limits, &error) != OK)
        return "The message is not valid JSON";
    type = text_of(&said, "type");
    ret->subscribe = strcmp(type, "subscribe") == 0;
    if (!ret->subscribe && strcmp(type, "unsubscribe") != 0)
        return "Unknown type of message";
    ret->stream = text_of(&said, "stream");
    ret->tag = text_of(&said, "tag");
    ret->list = text_of(&said, "list");
    if (*ret->stream == '\0')
        return "Missing stream name";
    if (strlen(ret->tag) > STREAM_NAME_LEN || strlen(ret->list) > STREAM_NAME_LEN)
        return "This name is too long";
    return NULL;
}
