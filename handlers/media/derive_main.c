/* `deeplink-derive`: makes the files of one upload, and nothing else. A program of its own, so that what
 * decodes the files of strangers neither has the site's secrets in reach nor weighs on its other processes.
 *
 *   deeplink-derive FOLDER SOURCE PURPOSE FOCUS_X FOCUS_Y THREADS SECONDS
 *   deeplink-derive --locks FOLDER      says which locks hold on this machine, as a number
 *
 * Leaves its files and result.json in FOLDER; writes how far it is, a byte from 0 to 100, to its output. */
#include <magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/drivers/sandbox.h"
#include "handlers/media/derive_job.h"

#define ARENA_MAX ((size_t)512 << 20)
#define USAGE 2

enum derive_fault derive_because(struct derive_job *job, enum derive_fault fault, const char *detail) {
    job->result.detail = arena_strdup(job->arena, detail);
    return fault;
}

void derive_progress(int percent) {
    unsigned char byte = (unsigned char)percent;
    if (write(STDOUT_FILENO, &byte, 1) != 1)
        return; /* nobody listens: the work goes on */
}

/* Lists of what to play elsewhere are text to libmagic, and nothing that anybody reads. */
#ifdef __SANITIZE_ADDRESS__
/* Looking for leaks takes ptrace(2), which the sandbox forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif

static bool is_playlist(const char *path) {
    char head[16] = "";
    FILE *f = fopen(path, "re");
    bool is = f != NULL && fgets(head, sizeof head, f) != NULL &&
              (strncmp(head, "#EXTM3U", 7) == 0 || strncmp(head, "ffconcat", 8) == 0);
    if (f != NULL)
        fclose(f);
    return is;
}

/* By its content, never by its name. */
static const struct derive_type *look(struct derive_job *job) {
    magic_t m = magic_open(MAGIC_MIME_TYPE | MAGIC_SYMLINK);
    const char *name = m != NULL && magic_load(m, NULL) == 0 ? magic_file(m, job->source) : NULL;
    const struct derive_type *type = name != NULL ? derive_type_find(name) : NULL;
    if (type != NULL && is_playlist(job->source))
        type = NULL;
    if (type == NULL)
        derive_because(job, DERIVE_TYPE, name != NULL ? name : "libmagic says nothing");
    if (m != NULL)
        magic_close(m);
    return type;
}

static enum derive_fault derive_file(struct derive_job *job) {
    job->result.kind = PB__MEDIA_KIND__MEDIA_DOCUMENT;
    return DERIVE_FINE;
}

static enum derive_fault derive(struct derive_job *job) {
    static enum derive_fault (*const ways[])(struct derive_job *) = {
        [HOW_PICTURE] = derive_picture, [HOW_BITMAP] = derive_bitmap, [HOW_FILM] = derive_film,
        [HOW_SOUND] = derive_sound,     [HOW_PDF] = derive_pdf,       [HOW_FILE] = derive_file};
    bool pictures_only = strcmp(job->purpose, "post") != 0;
    job->type = job->result.type = look(job);
    if (job->type == NULL)
        return DERIVE_TYPE;
    if (pictures_only && job->type->how != HOW_PICTURE && job->type->how != HOW_BITMAP)
        return DERIVE_TYPE;
    return image_begin(job->threads) ? ways[job->type->how](job)
                                     : derive_because(job, DERIVE_INTERNAL, image_words());
}

/* More memory than the arena holds is more than any file that is taken needs. */
static void out_of_memory(void *arg) {
    struct derive_job *job = arg;
    arena_reset(job->arena);
    job->result = (struct derive_result){.fault = DERIVE_MEMORY, .type = job->type};
    _exit(derive_write(job->arena, &job->result) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int run(char **argv) {
    struct derive_job job = {.arena = arena_new(ARENA_MAX), .source = argv[2], .purpose = argv[3]};
    arena_on_exhausted(job.arena, out_of_memory, &job);
    job.focus_x = strtod(argv[4], NULL);
    job.focus_y = strtod(argv[5], NULL);
    job.threads = (int)strtol(argv[6], NULL, 10);
    job.until_us = clock_mono_us() + strtol(argv[7], NULL, 10) * 1000000;
    signal(SIGPIPE, SIG_IGN);
    job.result.fault = derive(&job);
    bool ok = derive_write(job.arena, &job.result);
    arena_free(job.arena);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    const char *reads[] = {argc > 2 ? argv[2] : NULL, NULL};
    if (argc == 3 && strcmp(argv[1], "--locks") == 0) {
        unsigned char holds = (unsigned char)sandbox_enter(argv[2], reads + 1);
        return write(STDOUT_FILENO, &holds, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (argc != 8)
        return USAGE;
    sandbox_enter(argv[1], reads);
    return run(argv);
}
