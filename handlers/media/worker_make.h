/* Making the files of uploads, a medium at a time: the parts of worker_make.c. */
#ifndef DEEPLINK_MEDIA_WORKER_MAKE_H
#define DEEPLINK_MEDIA_WORKER_MAKE_H

#include "fcgi/drivers/sandbox.h"
#include "handlers/media/derive.h"
#include "handlers/media/store_work.h"

struct media_job {
    struct ctx *ctx;
    struct media_row row;
    int64_t lease;
    const char *folder; /* where the child may write; ours alone */
    const char *source; /* the path of what was uploaded */
    struct derive_result result;
};

/* Where `deeplink-derive` is; tests set it. NULL: beside this program. */
extern const char *media_derive_program;
/* The longest time between two looks for what is due. Tests lengthen it, to see that being woken is enough.
 */
extern int media_look_ms;

/* ---- the folder (worker_folder.c): SPOOL/work/ID-LEASE ---- */

/* Makes it, and finds the source: in the spool, or in the store. NOT_FOUND: it is in neither. */
enum code media_folder_make(struct media_job *job);
/* Removes it with all that is in it. */
void media_folder_remove(struct ctx *ctx, const char *folder);
/* Removes those that killed workers have left; cheap, at most once an hour. */
void media_folders_tidy(struct ctx *ctx);

/* ---- the files (worker_files.c) ---- */

/* Puts what was made into the store and ends the attempt. *ret_ours false: another has it, or nobody; then
 * nothing was ended. INTERNAL: what the child left is not what it says. */
enum code media_files_keep(struct media_job *job, bool *ret_ours);

#endif
