/* Local files, as the stores of blobs need them: copied durably, hashed in pieces. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/blob_engine.h"

#define PIECE 65536
#define COPY_AT_ONCE ((size_t)1 << 30)

enum code blob_fail_file(struct ctx *ctx, const char *doing, const char *path) {
    int why = errno;

    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        return fail_detail(ctx, EXHAUSTED, "There is no room left for files.", "%s %s: %s", doing, path,
                           strerror(why));
    return fail_detail(ctx, UNAVAILABLE, "Files can not be stored or read at the moment.", "%s %s: %s", doing,
                       path, strerror(why));
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t m = write(fd, p, n);
        if (m < 0 && errno != EINTR)
            return false;
        if (m > 0) {
            p += m;
            n -= (size_t)m;
        }
    }
    return true;
}

/* For file systems between which the kernel does not copy. */
static bool copy_by_hand(int from, int to) {
    char piece[16384];

    for (;;) {
        ssize_t n = read(from, piece, sizeof piece);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0 && !write_all(to, piece, (size_t)n))
            return false;
    }
}

static bool copy_bytes(int from, int to) {
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, COPY_AT_ONCE, 0);
        if (n == 0)
            return true;
        if (n > 0 || errno == EINTR)
            continue;
        if (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
            return copy_by_hand(from, to); /* goes on where the kernel stopped: both files stand there */
        return false;
    }
}

enum code blob_copy(struct ctx *ctx, int from, const char *to) {
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    bool good;
    int why;

    if (fd < 0)
        return blob_fail_file(ctx, "make", to);
    good = copy_bytes(from, fd) && fsync(fd) == 0;
    why = errno;
    close(fd); /* after fsync(2) it has nothing to tell any more */
    if (good)
        return OK;
    unlink(to);
    errno = why;
    return blob_fail_file(ctx, "write", to);
}

enum code blob_hash(struct ctx *ctx, int fd, int64_t at, int64_t bytes, const char **ret_hex) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    char piece[PIECE]; /* not of the arena: large files are hashed piece by piece, many times */

    crypto_hash_sha256_init(&state);
    while (bytes > 0) {
        ssize_t n = pread(fd, piece, bytes < PIECE ? (size_t)bytes : PIECE, at);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return blob_fail_file(ctx, "read", "a file");
        crypto_hash_sha256_update(&state, (const unsigned char *)piece, (unsigned long long)n);
        at += n;
        bytes -= n;
    }
    crypto_hash_sha256_final(&state, digest);
    *ret_hex = text_hex(ctx->arena, digest, sizeof digest);
    return OK;
}
