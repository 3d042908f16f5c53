/* Programs that handle what strangers have sent, with the least rights that the machine allows. Outside, a
 * parent starts one with bounds and an empty environment, watches it and kills it when its time is over;
 * inside, the program locks itself in before it looks at anything. A lock that the kernel or a container does
 * not allow is left out, and said; each of them is enough against network and foreign files:
 *   namespaces  its own users, processes, network (none), mounts and IPC (namespaces(7))
 *   Landlock    reads of libraries and of what is named, writes in its own folder (landlock(7))
 *   seccomp     no sockets, no tracing, no signals, nothing that changes the machine (seccomp(2)) */
#ifndef DEEPLINK_DRIVERS_SANDBOX_H
#define DEEPLINK_DRIVERS_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fcgi/ctx.h"

/* ---- outside (sandbox.c) ---- */

struct sandbox_bounds {
    int64_t memory_bytes; /* address space of each of its processes */
    int64_t file_bytes;   /* the largest file it may write */
    int seconds;          /* then it is killed */
};

struct sandbox_child {
    pid_t pid;
    int out; /* its standard output; -1: it has closed it */
    int64_t deadline_us;
};

enum sandbox_state { SANDBOX_RUNS, SANDBOX_ENDED };
struct sandbox_end {
    int status;           /* its exit status; -1: it was killed */
    int signal;           /* by this one; 0: it was not */
    bool in_time;         /* false: it was killed since its time was over */
    int64_t memory_bytes; /* the most that one of its processes had resident */
    int64_t cpu_ms;
};

/* Starts argv[0] (a path) in `folder`, leader of its own process group, without our environment and files,
 * dead when we are. `in` becomes its standard input; -1: it has none. UNAVAILABLE when the machine has no
 * process or file to spare. */
enum code sandbox_start(struct ctx *ctx, const char *const argv[], const char *folder, int in,
                        const struct sandbox_bounds *bounds, struct sandbox_child *ret);

/* Waits up to wait_ms for it to say something or to end. *said becomes the last byte that it wrote; it is
 * left alone when it wrote none. Once it is SANDBOX_ENDED, all of its processes are gone. */
enum sandbox_state sandbox_watch(struct sandbox_child *child, int wait_ms, unsigned char *said,
                                 struct sandbox_end *ret);

/* Kills it with all that it has started, and waits until it is gone. */
void sandbox_kill(struct sandbox_child *child);

/* The path of a program that lies beside this one. In the arena. */
const char *sandbox_program(struct arena *a, const char *name);

/* Asks a program that answers `--locks FOLDER` with a byte which locks hold on this machine. UNAVAILABLE: it
 * does not run. */
enum code sandbox_ask(struct ctx *ctx, const char *program, unsigned *ret_holds);

/* Says in the log which of them this machine does not allow to a program; nothing when all of them hold. */
void sandbox_say(struct ctx *ctx, const char *program);

/* ---- inside (sandbox_enter.c) ---- */

enum { SANDBOX_NAMESPACES = 1, SANDBOX_LANDLOCK = 2, SANDBOX_SECCOMP = 4, SANDBOX_ALL = 7 };

/* Locks this process in, for good: it may read the system's libraries and what `reads` (ends with NULL)
 * names, and write in `folder`, which becomes its working directory. Where namespaces are to be had, this
 * forks: it returns in the child, and the parent ends as the child does. Single-threaded callers only.
 * Returns the locks that hold. */
unsigned sandbox_enter(const char *folder, const char *const reads[]);

/* The same in two steps, for a program that computes and does nothing else. Between them it has no network
 * and may load what it needs; after the second it has its memory and what it has open, and no file, program,
 * process or socket more. `holds` is what the first one gave back. */
unsigned sandbox_part(void);
unsigned sandbox_shut(unsigned holds);

/* The parts of them, one file each. True: it holds. */
bool sandbox_namespaces(void);
bool sandbox_landlock(const char *folder, const char *const reads[]);
bool sandbox_landlock_shut(void);
bool sandbox_seccomp(void);
bool sandbox_seccomp_shut(void);

#endif
