#include "handlers/common/device.h"

#include <string.h>

#include "fcgi/i18n.h"

const char *device_words(struct arena *a, int lang, const char *device) {
    const char *on = strstr(device, " on ");

    if (on == NULL)
        return tr(lang, device);
    return tr_fill(a, lang, "{program} on {system}", "program",
                   arena_strndup(a, device, (size_t)(on - device)), "system", on + strlen(" on "), NULL);
}
