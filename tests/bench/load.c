/*
 * What the workloads are made of: the supervised programs, the clients and the observers, in C so
 * that none of them is the bottleneck. The first word, or $BENCH_ROLE where it is called `run`, chooses.
 *
 * Programs. Each begins by noting its time in the shared file $BENCH_DIR/stamps and by opening
 * $BENCH_DIR/alive, a FIFO whose reader hears a hang-up when the last of them is gone.
 *   hold                       waits to be killed
 *   write BYTES CHUNK LINE     once $BENCH_DIR/go is there: numbered lines of LINE bytes, CHUNK bytes
 *                              a write(2)
 *   chat LINES                 a numbered line with its time every 100 ms
 *   tokens COUNT SIZE          COUNT captured communications of SIZE bytes each
 *   listener COUNT             an event listener; notes in $BENCH_DIR/heard how fast COUNT events came
 *
 * Clients.
 *   first SOCKET REQUEST LOG -- COMMAND...   starts a daemon, asks until it is answered, ends it
 *   rpc SOCKET REQUEST CONNECTIONS CALLS SECONDS   calls over kept-alive connections
 *   time RUNS COMMAND...       the wall time of a command, its output thrown away
 *   watch SECONDS FILE...      how long after their time stamp lines of chat are in the file
 *   check LINE BYTES FILE...   whether the files, one behind the other, hold every line once and whole
 * Each prints one JSON object; times are nanoseconds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void nap(uint64_t ns)
{
    struct timespec t = { ns / 1000000000u, ns % 1000000000u };
    nanosleep(&t, NULL);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The sample below which this share of all lies. Sorts. */
static uint64_t share(uint64_t *samples, size_t n, double part)
{
    if (!n)
        return 0;
    qsort(samples, n, sizeof *samples, by_size);
    size_t i = (size_t)(part * n);
    return samples[i < n ? i : n - 1];
}

static const char *in_dir(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("BENCH_DIR") ? getenv("BENCH_DIR") : ".", name);
    return path;
}

static void put(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n;) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            exit(1);
        at += done, n -= done;
    }
}

/* -- programs -------------------------------------------------------------------------------- */

struct stamp { uint64_t pid, at; };
struct stamps { _Atomic uint64_t count; uint64_t room; struct stamp of[]; };

static void arrive(void)
{
    uint64_t at = now();
    int fd = open(in_dir("stamps"), O_RDWR | O_CLOEXEC);
    if (fd < 0)
        die("stamps");
    struct stat st;
    fstat(fd, &st);
    struct stamps *stamps = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (stamps == MAP_FAILED)
        die("stamps");
    uint64_t i = atomic_fetch_add(&stamps->count, 1);
    if (i < stamps->room) {
        stamps->of[i].at = at;
        stamps->of[i].pid = getpid();
    }
    munmap(stamps, st.st_size);
    open(in_dir("alive"), O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* left open on purpose */
}

static void hold(void)
{
    for (;;)
        pause();
}

static void wait_to_go(void)
{
    while (access(in_dir("go"), F_OK))
        nap(1000000);
}

/* Counts a number of decimal digits up in place. */
static void count_up(char *last)
{
    while (*last == '9')
        *last-- = '0';
    ++*last;
}

static void number_line(char *line, size_t size, uint64_t number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%012" PRIu64 " ", number);
    memset(line, '.', size);
    memcpy(line, digits, 13);
    line[size - 1] = '\n';
}

static void role_write(char **args)
{
    uint64_t bytes = strtoull(args[0], NULL, 10);
    size_t chunk = atol(args[1]), line = atol(args[2]), lines = chunk / line;
    char *buffer = malloc(chunk), number[12];
    memset(number, '0', sizeof number);
    for (size_t i = 0; i < lines; i++)
        number_line(buffer + i * line, line, 0);
    wait_to_go();
    for (uint64_t sent = 0; sent < bytes; sent += chunk) {
        for (size_t i = 0; i < lines; i++) {
            memcpy(buffer + i * line, number, sizeof number);
            count_up(number + sizeof number - 1);
        }
        put(1, buffer, chunk);
    }
    hold();
}

static void role_chat(char **args)
{
    char line[128];
    wait_to_go();
    uint64_t next = now() + (uint64_t)(getpid() * 7919 % 100) * 1000000;
    for (int i = 0, n = atoi(args[0]); i < n; i++, next += 100000000) {
        struct timespec until = { next / 1000000000u, next % 1000000000u };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        put(1, line, sprintf(line, "%08d %020" PRIu64 " a line as programs write them, of 80 bytes or so\n",
                             i, now()));
    }
    hold();
}

static void role_tokens(char **args)
{
    static const char begin[] = "<!--XSUPERVISOR:BEGIN-->", end[] = "<!--XSUPERVISOR:END-->";
    int count = atoi(args[0]), size = atoi(args[1]);
    char record[4096];
    wait_to_go();
    for (int i = 0; i < count; i++) {
        size_t n = sprintf(record, "%s%08d ", begin, i);
        memset(record + n, '.', size - 9);
        n += size - 9;
        memcpy(record + n, end, sizeof end - 1);
        put(1, record, n + sizeof end - 1);
    }
    hold();
}

static void role_listener(char **args)
{
    static char buffer[1 << 16];
    uint64_t first = 0, wanted = strtoull(args[0], NULL, 10), seen = 0, last = 0, wrong = 0;
    size_t have = 0;
    put(1, "READY\n", 6);
    for (;;) {
        ssize_t n = read(0, buffer + have, sizeof buffer - have);
        if (n <= 0)
            exit(0);
        have += n;
        char *newline = memchr(buffer, '\n', have), *len;
        if (!newline)
            continue;
        *newline = 0;
        size_t head = newline + 1 - buffer, body = (len = strstr(buffer, " len:")) ? atol(len + 5) : 0;
        *newline = '\n';
        if (have < head + body)
            continue;
        char *data = memchr(buffer + head, '\n', body);
        if (!first)
            first = now();
        wrong += !data || strtoull(data + 1, NULL, 10) != seen;
        have -= head + body;
        memmove(buffer, buffer + head + body, have);
        if (++seen == wanted) {
            char text[128];
            last = now();
            int fd = open(in_dir("heard.new"), O_CREAT | O_WRONLY | O_TRUNC, 0644);
            put(fd, text, sprintf(text, "{\"ns\": %" PRIu64 ", \"wrong\": %" PRIu64 "}\n", last - first, wrong));
            close(fd);
            char new[512];
            strcpy(new, in_dir("heard.new"));
            rename(new, in_dir("heard"));
        }
        put(1, "RESULT 2\nOKREADY\n", 17);
    }
}

/* -- clients --------------------------------------------------------------------------------- */

static int dial(const char *path, int flags)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        fcntl(fd, F_SETFL, flags);
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static size_t slurp(const char *path, char **into)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st))
        die(path);
    *into = malloc(st.st_size + 1);
    size_t have = 0;
    for (ssize_t n; have < (size_t)st.st_size && (n = read(fd, *into + have, st.st_size - have)) > 0;)
        have += n;
    (*into)[have] = 0;
    close(fd);
    return have;
}

/* CPU of all threads of a process that still live. */
static uint64_t cpu_of(pid_t pid)
{
    char path[300];
    uint64_t sum = 0, ns;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        FILE *file = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file && fscanf(file, "%" SCNu64, &ns) == 1)
            sum += ns;
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
    return sum;
}

/* A socket answers with a byte; a FIFO (s6, runit) by having a reader. */
static int answers(const char *where, const char *request, size_t n)
{
    char byte;
    if (!strncmp(where, "fifo:", 5)) {
        int fd = open(where + 5, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            close(fd);
        return fd >= 0;
    }
    int fd = dial(where, 0);
    if (fd < 0)
        return 0;
    int good = write(fd, request, n) == (ssize_t)n;
    if (n && n < 64 && request[0] == '\n')
        shutdown(fd, SHUT_WR); /* a protobuf, read to its end by the other side */
    good = good && read(fd, &byte, 1) == 1;
    close(fd);
    return good;
}

static int role_first(char **args)
{
    char where[512], *request;
    size_t n = slurp(args[1], &request);
    int log = open(args[2], O_CREAT | O_WRONLY | O_APPEND, 0644);
    uint64_t begun = now();
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(log, 1);
        dup2(log, 2);
        execvp(args[4], args + 4);
        _exit(127);
    }
    char *mark = strstr(args[0], "%d");
    snprintf(where, sizeof where, "%s", args[0]);
    if (mark)
        snprintf(where, sizeof where, "%.*s%d%s", (int)(mark - args[0]), args[0], pid, mark + 2);
    while (!answers(where, request, n)) {
        int status;
        if (waitpid(pid, &status, WNOHANG) == pid || now() - begun > 20000000000u) {
            kill(pid, SIGKILL);
            printf("{\"error\": \"no answer\"}\n");
            return 1;
        }
        nap(100000);
    }
    uint64_t took = now() - begun, cpu = cpu_of(pid);
    printf("{\"pid\": %d, \"ns\": %" PRIu64 ", \"cpu\": %" PRIu64 "}\n", pid, took, cpu);
    fflush(stdout);
    char *kind = getenv("BENCH_END");
    kill(pid, kind ? atoi(kind) : SIGTERM);
    waitpid(pid, NULL, 0);
    return 0;
}

struct call { int fd; uint64_t since; size_t have, want; char head[4096]; };

/* Takes bytes of an answer; 1 when it is whole. Only its head is kept. */
static int take(struct call *c, const char *bytes, size_t n)
{
    if (!c->want) {
        size_t room = sizeof c->head - 1 - c->have, part = n < room ? n : room;
        memcpy(c->head + c->have, bytes, part);
        c->head[c->have + part] = 0;
        char *end = strstr(c->head, "\r\n\r\n"), *length = strcasestr(c->head, "\r\ncontent-length:");
        if (end)
            c->want = end + 4 - c->head + (length ? strtoull(length + 17, NULL, 10) : 0);
    }
    c->have += n;
    return c->want && c->have >= c->want;
}

static int role_rpc(char **args)
{
    static char buffer[1 << 20];
    char *request;
    size_t n = slurp(args[1], &request);
    int conns = atoi(args[2]), most = atoi(args[3]), reconnects = 0;
    uint64_t until = now() + (uint64_t)(atof(args[4]) * 1e9), begun = now(), bytes = 0, bad = 0;
    uint64_t *took = malloc(sizeof *took * (most + 1));
    struct call *calls = calloc(conns, sizeof *calls);
    int poll = epoll_create1(EPOLL_CLOEXEC), done = 0, sent = 0, open_calls = 0;
    for (int i = 0; i < conns; i++)
        calls[i].fd = -1;
#define BEGIN(c, i)                                                                              \
    do {                                                                                         \
        if ((c)->fd < 0) {                                                                       \
            if (((c)->fd = dial(args[0], 0)) < 0)                                                \
                die(args[0]);                                                                    \
            struct epoll_event e = { .events = EPOLLIN, .data.u32 = (i) };                       \
            epoll_ctl(poll, EPOLL_CTL_ADD, (c)->fd, &e);                                         \
        }                                                                                        \
        (c)->have = (c)->want = 0;                                                               \
        (c)->since = now();                                                                      \
        sent++, open_calls++;                                                                    \
        put((c)->fd, request, n);                                                                \
    } while (0)
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < conns && sent < most; i++)
        BEGIN(&calls[i], i);
    while (open_calls) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 60000);
        if (ready == 0)
            break;
        for (int k = 0; k < ready; k++) {
            struct call *c = &calls[events[k].data.u32];
            ssize_t got = read(c->fd, buffer, sizeof buffer);
            if (got <= 0) {
                /* Closed behind a whole answer is a matter of protocol, before it a failure. */
                close(c->fd);
                c->fd = -1;
                reconnects++;
                if (c->want && c->have >= c->want)
                    continue;
                bad++, open_calls--;
                if (bad > 100)
                    goto out;
                if (sent < most && now() < until)
                    BEGIN(c, events[k].data.u32);
                continue;
            }
            bytes += got;
            if (!take(c, buffer, got))
                continue;
            if (!strstr(c->head, " 200 "))
                bad++;
            took[done++] = now() - c->since;
            open_calls--;
            if (strcasestr(c->head, "\r\nconnection: close")) {
                close(c->fd);
                c->fd = -1;
                reconnects++;
            }
            if (sent < most && now() < until)
                BEGIN(c, events[k].data.u32);
        }
    }
out:;
    uint64_t wall = now() - begun;
    uint64_t p50 = share(took, done, .5), p99 = share(took, done, .99);
    printf("{\"calls\": %d, \"wall\": %" PRIu64 ", \"p50\": %" PRIu64 ", \"p99\": %" PRIu64
           ", \"bytes\": %" PRIu64 ", \"bad\": %" PRIu64 ", \"reconnects\": %d}\n",
           done, wall, p50, p99, bytes, bad, reconnects);
    return 0;
}

static int role_time(char **args)
{
    int runs = atoi(args[0]), failed = 0;
    uint64_t *took = malloc(sizeof *took * runs), cpu = 0;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < runs; i++) {
        pid_t pid;
        int status;
        struct rusage used;
        uint64_t begun = now();
        if (posix_spawnp(&pid, args[1], &files, NULL, args + 1, environ))
            die(args[1]);
        wait4(pid, &status, 0, &used);
        took[i] = now() - begun;
        cpu += (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000ull
             + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000ull;
        failed += status != 0;
    }
    printf("{\"p50\": %" PRIu64 ", \"cpu\": %" PRIu64 ", \"failed\": %d}\n", share(took, runs, .5),
           cpu / runs, failed);
    return 0;
}

/* -- observers ------------------------------------------------------------------------------- */

static int role_watch(int count, char **args)
{
    uint64_t until = now() + (uint64_t)(atof(args[0]) * 1e9);
    int n = count - 1, notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int *fds = malloc(sizeof *fds * n), *slots = calloc(n + 64, sizeof *slots);
    size_t samples = 0, room = 1 << 20;
    uint64_t *late = malloc(sizeof *late * room);
    char (*rest)[256] = calloc(n, sizeof *rest);
    for (int i = 0; i < n; i++) {
        if ((fds[i] = open(args[1 + i], O_RDONLY | O_CLOEXEC)) < 0)
            die(args[1 + i]);
        lseek(fds[i], 0, SEEK_END);
        int watch = inotify_add_watch(notify, args[1 + i], IN_MODIFY);
        if (watch < 0 || watch >= n + 64)
            die("inotify");
        slots[watch] = i;
    }
    printf("ready\n");
    fflush(stdout);
    for (uint64_t at; (at = now()) < until;) {
        static char events[1 << 16], text[1 << 16];
        struct pollfd p = { notify, POLLIN, 0 };
        poll(&p, 1, (until - at) / 1000000 + 1);
        ssize_t got = read(notify, events, sizeof events);
        for (char *e = events; got > 0 && e < events + got;) {
            struct inotify_event *event = (void *)e;
            e += sizeof *event + event->len;
            int i = slots[event->wd];
            size_t kept = strlen(rest[i]);
            memcpy(text, rest[i], kept);
            ssize_t more = read(fds[i], text + kept, sizeof text - kept - 1);
            uint64_t seen = now();
            if (more <= 0)
                continue;
            text[kept + more] = 0;
            char *line = text;
            for (char *end; (end = strchr(line, '\n')); line = end + 1) {
                uint64_t written = end - line > 30 ? strtoull(line + 9, NULL, 10) : 0;
                if (written && samples < room)
                    late[samples++] = seen > written ? seen - written : 0;
            }
            snprintf(rest[i], sizeof rest[i], "%.255s", line);
        }
    }
    uint64_t p50 = share(late, samples, .5), p99 = share(late, samples, .99);
    printf("{\"lines\": %zu, \"p50\": %" PRIu64 ", \"p99\": %" PRIu64 ", \"max\": %" PRIu64 "}\n", samples,
           p50, p99, samples ? late[samples - 1] : 0);
    return 0;
}

static int role_check(int count, char **args)
{
    size_t size = atol(args[0]), have = 0;
    uint64_t bytes = strtoull(args[1], NULL, 10), expected = 0, lost = 0, doubled = 0, torn = 0, got = 0;
    size_t room = (1 << 20) / size * size;
    char *line = malloc(size), *text = malloc(room + size), *good = malloc(size);
    number_line(good, size, 0);
    for (int i = 2; i < count; i++) {
        int fd = open(args[i], O_RDONLY);
        if (fd < 0)
            die(args[i]);
        for (ssize_t n; (n = read(fd, text + have, room)) > 0;) {
            got += n;
            size_t all = have + n, at = 0;
            while (all - at >= size) {
                /* One line from here, however it is broken. */
                char *end = memchr(text + at, '\n', size);
                size_t length = end ? (size_t)(end - (text + at)) + 1 : size;
                memcpy(line, text + at, length);
                at += length;
                if (length != size || memcmp(line + 12, good + 12, size - 12)) {
                    torn++;
                    continue;
                }
                uint64_t number = strtoull(line, NULL, 10);
                if (number > expected)
                    lost += number - expected;
                if (number < expected)
                    doubled++;
                else
                    expected = number + 1;
            }
            have = all - at;
            memmove(text, text + at, have);
        }
        close(fd);
    }
    torn += have != 0;
    if (expected < bytes / size)
        lost += bytes / size - expected;
    printf("{\"bytes\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"doubled\": %" PRIu64 ", \"torn\": %" PRIu64
           ", \"files\": %d}\n", got, lost, doubled, torn, count - 2);
    return 0;
}

int main(int argc, char **argv)
{
    static char *words[16];
    char *role = argv[1], **args = argv + 2, *slash = strrchr(argv[0], '/');
    int count = argc - 2;
    if (!role || !strcmp(slash ? slash + 1 : argv[0], "run")) { /* a link, as s6 and runit have it */
        char *text = strdup(getenv("BENCH_ROLE") ? getenv("BENCH_ROLE") : "hold");
        role = strtok(text, " ");
        for (count = 0; count < 15 && (words[count] = strtok(NULL, " ")); count++)
            ;
        args = words;
    }
#define IS(name, least) (!strcmp(role, name) && count >= (least))
    if (IS("first", 5))
        return role_first(args);
    if (IS("rpc", 5))
        return role_rpc(args);
    if (IS("time", 2))
        return role_time(args);
    if (IS("watch", 2))
        return role_watch(count, args);
    if (IS("check", 3))
        return role_check(count, args);
    if (IS("hold", 0) || IS("write", 3) || IS("chat", 1) || IS("tokens", 2) || IS("listener", 1))
        arrive();
    if (IS("hold", 0))
        hold();
    if (IS("write", 3))
        role_write(args);
    if (IS("chat", 1))
        role_chat(args);
    if (IS("tokens", 2))
        role_tokens(args);
    if (IS("listener", 1))
        role_listener(args);
    fprintf(stderr, "load: what is %s?\n", role);
    return 2;
}
