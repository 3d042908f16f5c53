#include "handlers/reference/routes.h"

#include "handlers/reference/pages.h"

const struct route reference_routes[] = {
    {.method = METHOD_GET,
     .pattern = "/api/openapi.json",
     .handler = reference_page_document,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .summary = "this description (OpenAPI 3.1)"},
    {.method = METHOD_GET,
     .pattern = "/docs/api",
     .handler = reference_page_index,
     .auth = AUTH_ANYBODY,
     .summary = "how programs use this site, and every operation"},
    {.method = METHOD_GET,
     .pattern = "/docs/api/objects",
     .handler = reference_page_objects,
     .auth = AUTH_ANYBODY,
     .summary = "what answers of the API are made of"},
    {.method = METHOD_GET,
     .pattern = "/docs/api/{group}",
     .handler = reference_page_group,
     .auth = AUTH_ANYBODY,
     .summary = "one service's part of the API in full"},
    {0},
};
