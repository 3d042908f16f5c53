/* What tests of making files share: the corpus, made once a program, and running tools. */
#ifndef DEEPLINK_TESTS_SERVICE_MEDIA_H
#define DEEPLINK_TESTS_SERVICE_MEDIA_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/service/servers.h"

/* Outside of a test, too. */
static inline void must(bool is, const char *what) {
    if (!is) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

/* Runs a program to its end; its exit status, and the beginning of what it wrote. */
static inline int run_program(const char *const argv[], char *out, size_t room) {
    int ends[2], status = -1;
    size_t n = 0;
    ssize_t got;
    must(pipe(ends) == 0, "no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close_range(3, ~0U, 0);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    while (n < room - 1 && (got = read(ends[0], out + n, room - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(ends[0]);
    must(waitpid(pid, &status, 0) == pid, argv[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The folder of the corpus. */
static inline const char *corpus(void) {
    static char folder[512];
    char script[512], out[16];
    if (folder[0] != '\0')
        return folder;
    snprintf(folder, sizeof folder, "%s/corpus", server_of("TEST_DIR"));
    snprintf(script, sizeof script, "%s/tests/service/media_corpus.py", server_of("TEST_ROOT"));
    const char *argv[] = {"python3", script, folder, NULL};
    must(run_program(argv, out, sizeof out) == 0, "the corpus was not made");
    return folder;
}

/* Where the program is that makes files. */
static inline const char *derive_program(void) {
    static char path[512];
    snprintf(path, sizeof path, "%s/deeplink-derive", server_of("TEST_BUILD"));
    return path;
}

#endif
