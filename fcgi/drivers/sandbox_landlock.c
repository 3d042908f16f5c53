/* Landlock by its system calls: the C library has no functions for them, and older headers not all words. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fcgi/drivers/sandbox.h"

/* By version of the interface (https://docs.kernel.org/userspace-api/landlock.html). */
#define FS_V1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)     /* 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* 3 */
#define NET_ALL UINT64_C(3)              /* 4: bind and connect by TCP */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* 5 */
#define SCOPE_ALL UINT64_C(3)            /* 6: abstract sockets, signals */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_RUN (FS_READ | LANDLOCK_ACCESS_FS_EXECUTE)
/* What may be asked of something that is no folder. */
#define FS_OF_FILES                                                                              \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
     FS_TRUNCATE | FS_IOCTL_DEV)

struct rules {
    uint64_t fs, net, scoped;
};

static const struct place {
    const char *path;
    uint64_t may;
} places[] = {
    {"/usr", FS_RUN},
    {"/lib", FS_RUN},
    {"/lib64", FS_RUN},
    {"/bin", FS_RUN},
    {"/etc/ld.so.cache", FS_READ},
    {"/etc/alternatives", FS_RUN},
    {"/etc/fonts", FS_READ},
    {"/var/cache/fontconfig", FS_READ},
    {"/etc/magic", FS_READ},
    {"/dev/null", FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE},
    {"/dev/zero", FS_READ},
    {"/dev/urandom", FS_READ},
    {"/proc/cpuinfo", FS_READ},
    {"/sys/devices/system/cpu", FS_READ},
};

static uint64_t fs_of(long version) {
    return FS_V1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
           (version >= 5 ? FS_IOCTL_DEV : 0);
}

/* A place that is not there needs no rule. */
static bool allow(int set, const char *path, uint64_t may) {
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        may &= FS_OF_FILES;
    struct landlock_path_beneath_attr rule = {.allowed_access = may, .parent_fd = fd};
    bool ok = syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(fd);
    return ok;
}

static bool allow_all(int set, uint64_t fs, const char *folder, const char *const reads[]) {
    bool ok = allow(set, folder, fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        ok = allow(set, places[i].path, places[i].may & fs) && ok;
    for (; *reads != NULL; reads++)
        ok = allow(set, *reads, FS_READ) && ok;
    return ok;
}

/* A set of rules that forbids all that this kernel knows of; -1: it knows none. */
static int forbid(uint64_t *ret_fs) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, (unsigned)LANDLOCK_CREATE_RULESET_VERSION);
    struct rules rules = {
        .fs = fs_of(version), .net = version >= 4 ? NET_ALL : 0, .scoped = version >= 6 ? SCOPE_ALL : 0};
    size_t n = version >= 6 ? sizeof rules : version >= 4 ? 16 : 8; /* older kernels know a shorter one */
    *ret_fs = rules.fs;
    return version < 1 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &rules, n, 0);
}

bool sandbox_landlock(const char *folder, const char *const reads[]) {
    uint64_t fs;
    int set = forbid(&fs);
    if (set < 0)
        return false;
    bool ok = allow_all(set, fs, folder, reads) && syscall(SYS_landlock_restrict_self, set, 0) == 0;
    close(set);
    return ok;
}

bool sandbox_landlock_shut(void) {
    uint64_t fs;
    int set = forbid(&fs);
    if (set < 0)
        return false;
    bool ok = syscall(SYS_landlock_restrict_self, set, 0) == 0;
    close(set);
    return ok;
}
