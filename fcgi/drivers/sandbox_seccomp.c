/* What decoders never need, refused by the kernel before it looks at it; and, for who only computes, all but
 * a handful of calls. Refused calls fail with EPERM rather than kill, since libraries try some of them and go
 * on without. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "fcgi/drivers/sandbox.h"

static const int forbidden[] = {
    /* the network, and talking to others on the machine */
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(mq_open),
    SCMP_SYS(msgget),
    SCMP_SYS(semget),
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
    /* other processes */
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(kcmp),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(setpgid),
    SCMP_SYS(setsid),
    /* what is mounted where, and namespaces */
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(fanotify_init),
    /* the kernel and its secrets */
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(syslog),
    SCMP_SYS(acct),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(vhangup),
    SCMP_SYS(personality),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    /* becoming somebody else */
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setfsuid),
    SCMP_SYS(setfsgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
};

static const unsigned long new_namespaces[] = {CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID,   CLONE_NEWNS,
                                               CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};

static int add_rules(scmp_filter_ctx filter) {
    int bad = 0;
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
    for (size_t i = 0; i < sizeof new_namespaces / sizeof new_namespaces[0]; i++)
        bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, new_namespaces[i], new_namespaces[i]));
    /* Its flags stand in memory, where a filter cannot look; the C library then takes clone. */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* The bounds of others. */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0));
    return bad;
}

/* Memory, what is open already, and the end. */
static const int needed[] = {
    SCMP_SYS(read),        SCMP_SYS(write),         SCMP_SYS(close),        SCMP_SYS(brk),
    SCMP_SYS(munmap),      SCMP_SYS(mremap),        SCMP_SYS(madvise),      SCMP_SYS(futex),
    SCMP_SYS(getrandom),   SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack), SCMP_SYS(gettid),        SCMP_SYS(getpid),       SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* Memory that can be written never becomes a program. */
static int add_needed(scmp_filter_ctx filter) {
    int bad = 0;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, needed[i], 0);
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return bad;
}

static bool load(uint32_t otherwise, int (*add)(scmp_filter_ctx)) {
    scmp_filter_ctx filter = seccomp_init(otherwise);
    bool ok = filter != NULL && add(filter) == 0 && seccomp_load(filter) == 0;
    if (filter != NULL)
        seccomp_release(filter);
    return ok;
}

bool sandbox_seccomp(void) { return load(SCMP_ACT_ALLOW, add_rules); }

bool sandbox_seccomp_shut(void) { return load(SCMP_ACT_ERRNO(EPERM), add_needed); }
