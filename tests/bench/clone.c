/* Preloaded by `instructions`: valgrind knows clone(2) only as fork, vfork or thread creation, and the
 * daemon's way to spawn is none of them. What the child writes into shared memory is lost, which is
 * only a failure's errno. */
#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>

int clone(int (*child)(void *), void *stack, int flags, void *arg, ...)
{
    (void)stack, (void)flags;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(arg));
    return pid;
}
