/* The sandbox: what a program that was taken over can still do. Each lock alone, and all of them together. */
#include <arpa/inet.h>
#include <check.h>
#undef fail /* an old name of Check for ck_abort(); ours is in fcgi/ctx.h */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/drivers/markup_reader.h"
#include "fcgi/drivers/sandbox.h"

static char folder[] = "/tmp/deeplink-sandbox-XXXXXX";
static char own[64], other[64], secret[64];
static const char *const no_reads[] = {NULL};

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    ck_assert_msg(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/deeplink-sandbox-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(own, sizeof own, "%s/own", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(secret, sizeof secret, "%s/secret", folder);
    ck_assert_int_eq(mkdir(own, 0700), 0);
    write_file(secret, "nobody may know");
}

static void remove_in(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    remove(path);
}

static void tear_down(void) {
    static const char *const names[] = {"own/mine", "own", "other", "secret"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        remove_in(names[i]);
    rmdir(folder);
}

/* ---- what is tried inside; each says whether it could ---- */

static bool can_read(const char *path) {
    int fd = open(path, O_RDONLY);
    char c;
    return fd >= 0 && read(fd, &c, 1) == 1;
}

static bool can_write(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1;
}

static bool can_connect(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static bool can_trace(void) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    return ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0;
}

/* Runs it in a process of its own, which `lock` has locked in; whether it could, or -1: the lock is not to be
 * had here. */
static int locked(bool (*lock)(void), bool (*attempt)(void)) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(lock() ? attempt() : 9);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
    return WEXITSTATUS(status) == 9 ? -1 : WEXITSTATUS(status);
}

static int port;
static bool reads_secret(void) { return can_read(secret); }
static bool writes_other(void) { return can_write(other); }
static bool writes_own(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/mine", own);
    return can_write(path);
}
static bool reads_library(void) { return can_read("/usr/bin/env"); }
static bool connects(void) { return can_connect(port); }
static bool kills_parent(void) { return kill(getppid(), 0) == 0; }
static bool traces(void) { return can_trace(); }

static bool all(void) { return sandbox_enter(own, no_reads) != 0; }
static bool landlock(void) { return sandbox_landlock(own, no_reads); }
static bool seccomp(void) { return sandbox_seccomp(); }
static bool namespaces(void) { return sandbox_namespaces(); }
static bool nothing(void) { return true; }

static int listen_here(void) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    port = ntohs(at.sin_port);
    return fd;
}

START_TEST(locked_in_nothing_is_left) {
    int fd = listen_here();
    /* What is refused below works without the sandbox: else nothing is proved. */
    ck_assert_int_eq(locked(nothing, connects), 1);
    ck_assert_int_eq(locked(nothing, reads_secret), 1);
    ck_assert_int_eq(locked(nothing, writes_other), 1);
    ck_assert_int_eq(locked(nothing, kills_parent), 1);
    ck_assert_int_eq(locked(all, connects), 0);
    ck_assert_int_eq(locked(all, reads_secret), 0);
    ck_assert_int_eq(unlink(other), 0);
    ck_assert_int_eq(locked(all, writes_other), 0);
    ck_assert_int_ne(access(other, F_OK), 0);
    ck_assert_int_eq(locked(all, kills_parent), 0);
    ck_assert_int_eq(locked(all, traces), 0);
    ck_assert_int_eq(locked(all, writes_own), 1);
    ck_assert_int_eq(locked(all, reads_library), 1);
    close(fd);
}
END_TEST

/* Each of them is enough for what it is for, so that a machine without one of the others is safe. */
START_TEST(each_lock_holds_alone) {
    int fd = listen_here();
    ck_assert_int_ne(locked(seccomp, connects), 1);
    ck_assert_int_ne(locked(seccomp, kills_parent), 1);
    ck_assert_int_ne(locked(seccomp, traces), 1);
    ck_assert_int_ne(locked(namespaces, connects), 1);
    ck_assert_int_ne(locked(landlock, reads_secret), 1);
    ck_assert_int_ne(locked(landlock, writes_other), 1);
    ck_assert_int_ne(locked(landlock, writes_own), 0);
    close(fd);
}
END_TEST

/* ---- who only computes ---- */

/* A page whose letters take a file of the C library: read as `deeplink-markup` reads it. */
static char page_html[] = "<meta charset=Shift_JIS><title>\x93\xfa\x96\x7b</title>"
                          "<a rel=me href=https://social.example.org/@ann>x</a>";
static struct markup_page page = {.html = page_html, .n = sizeof page_html - 1, .header = ""};

static bool shut(void) {
    markup_page_begin(&page);
    return sandbox_shut(sandbox_part()) != 0;
}
static bool landlock_shut(void) { return sandbox_landlock_shut(); }
static bool seccomp_shut(void) { return sandbox_seccomp_shut(); }

static int said_to[2];
static bool parses(void) {
    char said[4096];
    ssize_t n = markup_page_say(&page, said_to[1]) ? read(said_to[0], said, sizeof said) : -1;
    return n > 0 && memcmp(said, "日本", sizeof "日本") == 0 && memmem(said, (size_t)n, "@ann", 4) != NULL;
}

static bool opens_a_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool opens_null(void) { return open("/dev/null", O_RDONLY) >= 0; }
static bool lists(void) { return open("/", O_RDONLY | O_DIRECTORY) >= 0; }
static bool forks(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0;
}
/* Ends with 1 when it becomes the other program. */
static bool executes(void) {
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"exit 1"}, NULL};
    execv("/bin/sh", argv);
    return false;
}
static bool makes_a_program(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

START_TEST(who_only_computes_has_nothing_but_that) {
    bool (*const attempts[])(void) = {connects,   opens_a_socket, reads_secret, reads_library,
                                      opens_null, lists,          writes_own,   forks,
                                      executes,   kills_parent,   traces,       makes_a_program};
    int fd = listen_here();
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        ck_assert_msg(locked(nothing, attempts[i]) == 1, "%zu can't be done without the locks either", i);
        ck_assert_msg(locked(shut, attempts[i]) == 0, "%zu", i);
        ck_assert_msg(locked(seccomp_shut, attempts[i]) != 1, "%zu by seccomp alone", i);
    }
    ck_assert_int_ne(locked(landlock_shut, reads_library), 1);
    ck_assert_int_ne(locked(landlock_shut, lists), 1);
    ck_assert_int_ne(locked(landlock_shut, writes_own), 1);
    ck_assert_int_ne(locked(landlock_shut, executes), 1);
    close(fd);
}
END_TEST

START_TEST(locked_in_it_still_reads_a_page) {
    ck_assert_int_eq(pipe(said_to), 0);
    ck_assert_int_eq(locked(shut, parses), 1);
    close(said_to[0]);
    close(said_to[1]);
}
END_TEST

/* ---- outside: the parent's hold on it ---- */

static struct sandbox_end run(const char *const argv[], int seconds, int64_t memory, unsigned char *said) {
    struct arena *a = arena_new(1 << 20);
    struct ctx ctx = {.arena = a, .request_id = "", .ip = "", .user_agent = ""};
    struct sandbox_bounds bounds = {memory, 1 << 20, seconds};
    struct sandbox_child child;
    struct sandbox_end end;
    int64_t deadline = clock_mono_us() + 20 * INT64_C(1000000);
    ck_assert_int_eq(sandbox_start(&ctx, argv, own, -1, &bounds, &child), OK);
    while (sandbox_watch(&child, 100, said, &end) == SANDBOX_RUNS)
        ck_assert_msg(clock_mono_us() < deadline, "it does not end");
    arena_free(a);
    return end;
}

#define ROOM (INT64_C(1) << 30)
#define SH(words) ((const char *const[]){"/bin/sh", "-c", (words), NULL})

START_TEST(a_child_is_heard_and_its_end_told) {
    unsigned char said = 0;
    struct sandbox_end end = run(SH("printf 'abc'; exit 3"), 10, ROOM, &said);
    ck_assert_int_eq(end.status, 3);
    ck_assert_int_eq(said, 'c');
    ck_assert(end.in_time);
    ck_assert_int_gt(end.memory_bytes, 0);
}
END_TEST

START_TEST(it_has_nothing_of_ours) {
    unsigned char said = 0;
    setenv("DEEPLINK_SECRET_FOR_TEST", "x", 1);
    int fd = open(secret, O_RDONLY); /* not closed by exec */
    struct sandbox_end end =
        run(SH("test -z \"$DEEPLINK_SECRET_FOR_TEST\" && test $(ls /proc/self/fd | wc -l) -le 4"), 10, ROOM,
            &said);
    close(fd);
    unsetenv("DEEPLINK_SECRET_FOR_TEST");
    ck_assert_int_eq(end.status, 0);
}
END_TEST

START_TEST(time_and_size_are_bounded) {
    unsigned char said = 0;
    struct sandbox_end end = run(SH("sleep 60 & sleep 60"), 1, ROOM, &said);
    ck_assert(!end.in_time);
    ck_assert_int_eq(end.signal, SIGKILL);
    end = run(SH("exec head -c 10000000 /dev/zero >big"), 10, ROOM, &said);
    ck_assert_int_ne(end.status, 0);
    remove_in("own/big");
#ifndef __SANITIZE_ADDRESS__ /* then memory has no bound */
    end = run(SH("x=$(head -c 300000000 /dev/zero | tr '\\0' a); exit 0"), 10, INT64_C(64) << 20, &said);
    ck_assert_int_ne(end.status, 0);
    ck_assert_int_lt(end.memory_bytes, INT64_C(80) << 20);
#endif
}
END_TEST

START_TEST(who_closes_its_output_is_still_watched) {
    unsigned char said = 7;
    struct sandbox_end end = run(SH("exec >&-; sleep 1; exit 5"), 10, ROOM, &said);
    ck_assert_int_eq(end.status, 5);
    ck_assert_int_eq(said, 7);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sandbox");
    TCase *t = tcase_create("sandbox");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, locked_in_nothing_is_left);
    tcase_add_test(t, each_lock_holds_alone);
    tcase_add_test(t, who_only_computes_has_nothing_but_that);
    tcase_add_test(t, locked_in_it_still_reads_a_page);
    tcase_add_test(t, a_child_is_heard_and_its_end_told);
    tcase_add_test(t, it_has_nothing_of_ours);
    tcase_add_test(t, time_and_size_are_bounded);
    tcase_add_test(t, who_closes_its_output_is_still_watched);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
