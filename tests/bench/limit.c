/*
 * The least a process manager can do for each workload, as the figure to measure against: it starts
 * programs with two pipes each, copies what they write into files that are rotated by size, starts
 * the dead again, answers a unix socket with one prepared answer. It checks nothing, configures
 * nothing, logs nothing.
 *
 *   limit [OPTIONS] COMMAND...
 *     -n COUNT      how many copies of the command; default 1
 *     -s SOCKET     where each request, taken as one read(2), is answered ...
 *     -a FILE       ... with these bytes
 *     -l DIR        logs are DIR/0.out, DIR/0.err, DIR/1.out ...; without it pipes are read to nowhere
 *     -c MS         pipes are read by the clock, this far apart, and hold 1 MiB
 *     -e COUNT      the command is an event listener and gets this many events
 *   limit -q SOCKET  prints how many bytes were answered: a client
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROTATE_BYTES (50 << 20)
#define BACKUPS 100

extern char **environ;

struct output { int pipe, file; uint32_t bytes; };
struct child { pid_t pid; struct output out[2]; };
enum { SIGNALS = 1 << 30, DOOR, CLIENT = 1 << 29 };

static struct child *children;
static int count = 1, epoll, clock_ms, running;
static const char *log_dir;
static char **command, scratch[1 << 16];
static sigset_t plain;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int fd, uint32_t id)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = id };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
        die("epoll_ctl");
}

static char *name(char *to, int i, int channel, int backup)
{
    int n = sprintf(to, "%s/%d.%s", log_dir, i, channel ? "err" : "out");
    if (backup)
        sprintf(to + n, ".%d", backup);
    return to;
}

static int open_log(int i, int channel)
{
    char path[512];
    return open(name(path, i, channel, 0), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
}

static void rotate(int i, int channel)
{
    char from[512], to[512];
    for (int backup = BACKUPS - 1; backup >= 0; backup--)
        rename(name(from, i, channel, backup), name(to, i, channel, backup + 1));
    close(children[i].out[channel].file);
    children[i].out[channel].file = open_log(i, channel);
    children[i].out[channel].bytes = 0;
}

static void start(int i)
{
    struct child *child = &children[i];
    int ends[2][2];
    for (int c = 0; c < 2; c++) {
        if (pipe2(ends[c], O_CLOEXEC))
            die("pipe2");
        fcntl(ends[c][0], F_SETFL, O_NONBLOCK);
        if (clock_ms)
            fcntl(ends[c][0], F_SETPIPE_SZ, 1 << 20);
        child->out[c].pipe = ends[c][0];
        child->out[c].bytes = 0;
        child->out[c].file = log_dir ? open_log(i, c) : -1;
    }
    pid_t pid = vfork();
    if (pid == 0) {
        setpgid(0, 0);
        sigprocmask(SIG_SETMASK, &plain, NULL);
        dup2(ends[0][1], 1);
        dup2(ends[1][1], 2);
        execve(command[0], command, environ);
        _exit(127);
    }
    child->pid = pid;
    running++;
    for (int c = 0; c < 2; c++) {
        close(ends[c][1]);
        watch(child->out[c].pipe, i * 2 + c);
    }
}

/* Returns whether there was anything. */
static int copy(int i, int channel)
{
    struct output *out = &children[i].out[channel];
    int some = 0;
    for (ssize_t n; (n = read(out->pipe, scratch, sizeof scratch)) >= 0;) {
        if (n == 0) {
            close(out->pipe);
            out->pipe = -1;
            break;
        }
        some = 1;
        if (out->file >= 0) {
            write(out->file, scratch, n);
            if ((out->bytes += n) > ROTATE_BYTES)
                rotate(i, channel);
        }
        if (n < (ssize_t)sizeof scratch)
            break;
    }
    return some;
}

static void buried(int again)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < count; i++) {
            if (children[i].pid != pid)
                continue;
            running--;
            for (int c = 0; c < 2; c++) {
                if (children[i].out[c].pipe >= 0 && (copy(i, c), children[i].out[c].pipe >= 0))
                    close(children[i].out[c].pipe);
                if (children[i].out[c].file >= 0)
                    close(children[i].out[c].file);
            }
            if (again)
                start(i);
            break;
        }
}

static int ask(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) || write(fd, "?", 1) != 1)
        die(path);
    ssize_t sum = 0, n;
    shutdown(fd, SHUT_WR);
    while ((n = read(fd, scratch, sizeof scratch)) > 0)
        sum += n;
    return printf("%zd\n", sum) < 0;
}

/* One listener, one event at a time, as Supervisor's protocol has it. */
static void events(int most)
{
    static const char body[] = "processname:tokens groupname:tokens pid:1000\n%08d ";
    char event[1024], text[512];
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        die("pipe2");
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        sigprocmask(SIG_SETMASK, &plain, NULL);
        execve(command[0], command, environ);
        _exit(127);
    }
    read(from[0], scratch, sizeof scratch); /* READY */
    for (int i = 0; i < most; i++) {
        int n = sprintf(text, body, i);
        memset(text + n, '.', 200);
        n += 200;
        int head = sprintf(event, "ver:3.0 server:supervisor serial:%d pool:listener poolserial:%d "
                           "eventname:PROCESS_COMMUNICATION_STDOUT len:%d\n", i, i, n);
        memcpy(event + head, text, n);
        write(to[1], event, head + n);
        for (ssize_t have = 0, got; have < 17; have += got)
            if ((got = read(from[0], scratch, sizeof scratch)) <= 0)
                exit(1);
    }
    pause();
}

int main(int argc, char **argv)
{
    const char *socket_path = NULL;
    char *answer = NULL;
    size_t answer_bytes = 0;
    int option, door = -1, most = 0, ending = 0;
    while ((option = getopt(argc, argv, "+n:s:a:l:c:e:q:")) != -1)
        switch (option) {
        case 'n': count = atoi(optarg); break;
        case 's': socket_path = optarg; break;
        case 'l': log_dir = optarg; break;
        case 'c': clock_ms = atoi(optarg); break;
        case 'e': most = atoi(optarg); break;
        case 'q': return ask(optarg);
        case 'a': {
            struct stat st;
            int fd = open(optarg, O_RDONLY | O_CLOEXEC);
            if (fd < 0 || fstat(fd, &st))
                die(optarg);
            answer = malloc(answer_bytes = st.st_size);
            read(fd, answer, answer_bytes);
            close(fd);
            break;
        }
        default: return 2;
        }
    command = argv + optind;
    struct rlimit files = { count * 4 + 100, count * 4 + 100 };
    setrlimit(RLIMIT_NOFILE, &files);
    sigset_t heard;
    sigemptyset(&heard);
    sigaddset(&heard, SIGTERM);
    sigaddset(&heard, SIGCHLD);
    sigprocmask(SIG_BLOCK, &heard, &plain);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int signals = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
    watch(signals, SIGNALS);
    if (socket_path) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        strncpy(at.sun_path, socket_path, sizeof at.sun_path - 1);
        door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, 128))
            die(socket_path);
        watch(door, DOOR);
    }
    children = calloc(count, sizeof *children);
    if (most) {
        signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_SETMASK, &plain, NULL);
        events(most);
    }
    for (int i = 0; i < count; i++)
        start(i);
    while (!ending || running) {
        struct epoll_event ready[256];
        int n = epoll_wait(epoll, ready, 256, -1), busy = 0;
        for (int k = 0; k < n; k++) {
            uint32_t id = ready[k].data.u32;
            if (id == SIGNALS) {
                struct signalfd_siginfo info;
                while (read(signals, &info, sizeof info) == sizeof info)
                    if (info.ssi_signo == SIGTERM && !ending) {
                        ending = 1;
                        for (int i = 0; i < count; i++)
                            kill(children[i].pid, SIGTERM);
                    }
                buried(!ending);
            } else if (id == DOOR) {
                int client = accept4(door, NULL, NULL, SOCK_CLOEXEC);
                watch(client, CLIENT | client);
            } else if (id & CLIENT) {
                int client = id & ~CLIENT;
                if (read(client, scratch, sizeof scratch) <= 0)
                    close(client);
                else
                    write(client, answer, answer_bytes);
            } else {
                busy |= children[id / 2].out[id % 2].pipe >= 0 && copy(id / 2, id % 2);
            }
        }
        if (busy && clock_ms)
            nanosleep(&(struct timespec){ 0, clock_ms * 1000000 }, NULL);
    }
    return 0;
}
