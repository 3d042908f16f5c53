#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/drivers/sandbox.h"

#define OWN (CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)
#define NOBODY 65534 /* what we are called inside */
#define EXIT_ORPHAN 125

static bool write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Whoever makes a namespace of users may do anything within it; outside we stay who we are. */
static bool own_users(void) {
    char users[64], groups[64];
    snprintf(users, sizeof users, "%d %u 1", NOBODY, (unsigned)geteuid());
    snprintf(groups, sizeof groups, "%d %u 1", NOBODY, (unsigned)getegid());
    return unshare(CLONE_NEWUSER | OWN) == 0 && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/uid_map", users) && write_file("/proc/self/gid_map", groups);
}

/* Dies with the parent, also when that has happened already. */
static void hold_on_to(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_ORPHAN);
}

/* Ends as the child does: the namespace of processes is the child's, we are its parent outside. */
static _Noreturn void follow(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        kill(getpid(), WTERMSIG(status));
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ORPHAN);
}

bool sandbox_namespaces(void) {
    pid_t outer = getppid();
    if (!own_users() && unshare(OWN) != 0)
        return false;
    hold_on_to(outer); /* changing who we are has let go of it */
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child > 0)
        follow(child);
    hold_on_to(0); /* the parent is outside and has no number here */
    return true;
}

/* What we may do as the superuser of a namespace, or of the machine, ends here. */
static void drop_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    syscall(SYS_capset, &head, none);
}

unsigned sandbox_part(void) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return sandbox_namespaces() ? SANDBOX_NAMESPACES : 0;
}

unsigned sandbox_shut(unsigned holds) {
    drop_capabilities();
    holds |= sandbox_landlock_shut() ? SANDBOX_LANDLOCK : 0;
    holds |= sandbox_seccomp_shut() ? SANDBOX_SECCOMP : 0;
    return holds;
}

unsigned sandbox_enter(const char *folder, const char *const reads[]) {
    unsigned holds = sandbox_part();
    if (chdir(folder) != 0)
        _exit(EXIT_ORPHAN);
    drop_capabilities();
    holds |= sandbox_landlock(folder, reads) ? SANDBOX_LANDLOCK : 0;
    holds |= sandbox_seccomp() ? SANDBOX_SECCOMP : 0;
    return holds;
}
