/* PDF: the file stays as it is; its first page is shown. */
#include <stdlib.h>
#include <string.h>

#include "handlers/media/derive_job.h"

#define PAGE 1280
#define SMALL 640
#define DRAWN "1600"

static int pages_of(const char *info) {
    const char *line = strstr(info, "Pages:");
    long n = line != NULL ? strtol(line + strlen("Pages:"), NULL, 10) : 0;
    return n > 0 && n < 1000000 ? (int)n : 0;
}

/* A page that nobody can draw is no reason to refuse the document. */
static enum derive_fault draw_page(struct derive_job *job) {
    const char *argv[] = {"/usr/bin/pdftoppm", "-f",        "1",       "-l", "1", "-scale-to", DRAWN, "-png",
                          "-singlefile",       job->source, "picture", NULL};
    if (derive_tool(job, &(struct tool_run){.argv = argv}).status != 0 ||
        derive_shrunk(job, "picture.png", "page.webp", PAGE) != DERIVE_FINE)
        return DERIVE_FINE;
    return derive_shrunk(job, "picture.png", "small.webp", SMALL);
}

enum derive_fault derive_pdf(struct derive_job *job) {
    const char *argv[] = {"/usr/bin/pdfinfo", job->source, NULL};
    struct tool_end end = derive_tool(job, &(struct tool_run){.argv = argv});
    job->result.kind = PB__MEDIA_KIND__MEDIA_DOCUMENT;
    if (strstr(end.words, "Incorrect password") != NULL)
        return DERIVE_FINE;
    job->result.pages = pages_of(end.out);
    if (end.status != 0 || job->result.pages == 0)
        return derive_tool_fault(job, &end);
    return draw_page(job);
}
