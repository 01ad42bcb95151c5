/*
 * Load on one gateway: one thread, epoll, keep-alive connections, one request at a time on each.
 *
 *   load closed PORT REQUEST CONNECTIONS SECONDS    as many requests as are answered
 *   load burst  PORT REQUEST CONNECTIONS SECONDS    the same, but it sleeps when nothing arrives: for a gateway on the same core
 *   load open   PORT REQUEST RATE SECONDS           requests at fixed times; a latency counts from the time its request was due
 *   load stream PORT REQUEST CONNECTIONS STREAMS    CONNECTIONS streams at a time, begun evenly over a second, STREAMS in all
 *   load abort  PORT REQUEST CONNECTIONS STREAMS    as `stream`, but each is left after its second event
 *
 * REQUEST is a file with the bytes to send. The first 0.3 s of all but streams are not counted. Prints one line of JSON; times in microseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 8192
#define HEAD_ROOM 8192
#define SAMPLES (1 << 24)
#define WARM_NS 300000000LL
#define LONGEST_NS 120000000000LL
#define STALL_NS 250000000LL

enum { HEAD, SIZED, SIZE, DATA, DATA_END, TRAILER };
enum { CLOSED, OPEN, STREAM, ABORT };

struct conn {
    int fd, busy, state, is_event_stream, marks;
    int64_t due, sent, left;
    char head[HEAD_ROOM];
    int head_len;
    char line[64]; /* a chunk's size line or a trailer line, as far as it matters */
    int line_len;
    char mark[32]; /* "T=" and its digits, as far as they have arrived */
    int mark_len;
};
struct samples {
    uint32_t *us;
    long count;
};

static struct conn conns[MOST];
static int idle[MOST], idle_count, opened, mode, port, poll_fd, request_len;
static char request[1 << 20];
static struct samples latency, first, forward;
static long errors, answered, begun, wanted, cut, stalls;
static int64_t begin_ns, end_ns, now;
static int spins;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void note(struct samples *to, int64_t ns) {
    if (to->count < SAMPLES) to->us[to->count++] = ns < 0 ? 0 : (uint32_t)(ns / 1000);
}

static int dial(struct conn *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof at)) return perror("connect"), -1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    return epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void start(struct conn *c, int64_t due) {
    c->busy = 1;
    c->state = HEAD;
    c->head_len = c->line_len = c->mark_len = c->marks = 0;
    c->due = due;
    c->sent = now_ns();
    begun++;
    if (write(c->fd, request, request_len) != request_len) errors++;
}

static void again(struct conn *c) {
    if (mode == CLOSED && now < end_ns)
        start(c, now);
    else if (mode >= STREAM && begun < wanted)
        start(c, now);
    else
        idle[idle_count++] = (int)(c - conns);
}

static void lost(struct conn *c) {
    close(c->fd);
    if (c->busy) errors++;
    c->busy = 0;
    if (dial(c)) exit(1);
    again(c);
}

static void done(struct conn *c) {
    int ok = !strncmp(c->head, "HTTP/1.1 200", 12);
    c->busy = 0;
    if (!ok && errors++ == 0) fprintf(stderr, "%.200s\n", c->head);
    if (now >= begin_ns + WARM_NS || mode >= STREAM) {
        answered += ok;
        note(&latency, now - c->due);
    }
    again(c);
}

/* Finds the times that the mock wrote into its events. Returns 1 when the stream is to be left. */
static int marks(struct conn *c, const char *data, long len) {
    for (long i = 0; i < len; i++) {
        if (c->mark_len == 0) {
            const char *t = memchr(data + i, 'T', len - i);
            if (!t) return 0;
            i = t - data;
        } else if ((c->mark_len == 1 && data[i] != '=') || (c->mark_len > 1 && (data[i] < '0' || data[i] > '9'))) {
            c->mark_len = 0;
            continue;
        }
        c->mark[c->mark_len++] = data[i];
        if (c->mark_len == 22) {
            c->mark[22] = 0;
            c->mark_len = 0;
            int64_t way = now - atoll(c->mark + 2);
            if (c->marks++ == 0)
                note(&first, now - c->sent);
            else {
                note(&forward, way);
                stalls += way > STALL_NS;
            }
            if (mode == ABORT && c->marks == 2) return 1;
        }
    }
    return 0;
}

static long head(struct conn *c, const char *data, long len) {
    long take = len < HEAD_ROOM - 1 - c->head_len ? len : HEAD_ROOM - 1 - c->head_len;
    int before = c->head_len;
    memcpy(c->head + before, data, take);
    c->head[c->head_len += take] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return take;
    long used = end + 4 - c->head - before;
    *end = 0;
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->left = length ? atoll(length + 17) : 0;
    c->state = strcasestr(c->head, "\r\ntransfer-encoding:") ? SIZE : SIZED;
    return used;
}

/* Reads one answer piece by piece. Returns 1 when the connection was replaced. */
static int feed(struct conn *c, const char *data, long len) {
    while (len > 0 && c->busy) {
        long used = 1;
        if (c->state == HEAD)
            used = head(c, data, len);
        else if (c->state == SIZED || c->state == DATA) {
            used = len < c->left ? len : c->left;
            c->left -= used;
            if (mode >= STREAM && marks(c, data, used)) {
                cut++;
                c->busy = 0;
                lost(c);
                return 1;
            }
            if (c->state == DATA && c->left == 0) c->state = DATA_END;
        } else if (c->state == DATA_END) {
            if (*data == '\n') c->state = SIZE;
        } else if (*data != '\n') {
            if (c->line_len < 63) c->line[c->line_len++] = *data;
        } else {
            c->line[c->line_len] = 0;
            if (c->state == SIZE) {
                c->left = strtoll(c->line, NULL, 16);
                c->state = c->left ? DATA : TRAILER;
            } else if (c->line_len <= 1) {
                c->line_len = 0;
                done(c);
                return 0;
            }
            c->line_len = 0;
        }
        data += used;
        len -= used;
        if (c->state == SIZED && c->left == 0) done(c);
    }
    return 0;
}

static void handle(struct conn *c) {
    static char in[262144];
    long got = read(c->fd, in, sizeof in);
    now = now_ns();
    if (got > 0)
        feed(c, in, got);
    else if (got == 0 || errno != EAGAIN)
        lost(c);
}

static struct conn *free_conn(void) {
    if (idle_count) return &conns[idle[--idle_count]];
    if (opened == MOST || dial(&conns[opened])) exit(1);
    return &conns[opened++];
}

static int order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, struct samples *s) {
    qsort(s->us, s->count, sizeof *s->us, order);
    long n = s->count;
    printf(",\"%s\":{\"count\":%ld,\"p50\":%u,\"p90\":%u,\"p99\":%u,\"max\":%u}", name, n, n ? s->us[n / 2] : 0, n ? s->us[n * 9 / 10] : 0,
           n ? s->us[n * 99 / 100] : 0, n ? s->us[n - 1] : 0);
}

static int is_over(void) {
    if (now - begin_ns > LONGEST_NS) return 1;
    if (mode <= OPEN) return now >= end_ns && (mode == CLOSED || idle_count == opened || now > end_ns + 2000000000LL);
    return begun >= wanted && idle_count == opened;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    spins = *argv[1] == 'c';
    mode = spins || *argv[1] == 'b' ? CLOSED : *argv[1] == 'o' ? OPEN : *argv[1] == 's' ? STREAM : ABORT;
    port = atoi(argv[2]);
    FILE *file = fopen(argv[3], "rb");
    if (!file) return perror(argv[3]), 1;
    request_len = fread(request, 1, sizeof request, file);
    int number = atoi(argv[4]);
    double last = atof(argv[5]);
    latency.us = malloc(SAMPLES * sizeof(uint32_t));
    first.us = malloc(SAMPLES * sizeof(uint32_t));
    forward.us = malloc(SAMPLES * sizeof(uint32_t));
    poll_fd = epoll_create1(0);
    begin_ns = now = now_ns();
    end_ns = mode <= OPEN ? begin_ns + WARM_NS + (int64_t)(last * 1e9) : INT64_MAX;
    wanted = mode <= OPEN ? INT64_MAX : (long)last;
    int64_t step = mode == OPEN ? 1000000000LL / number : mode >= STREAM ? 1000000000LL / number : 0, next = begin_ns;
    struct epoll_event found[512];
    int ramp = mode == OPEN ? 0 : number; /* how many connections are still to begin */
    while (!is_over()) {
        while (now >= next && (mode == OPEN ? now < end_ns : ramp > 0 && begun < wanted)) {
            ramp--;
            start(free_conn(), next);
            next += step;
            now = now_ns();
        }
        int64_t wait = (mode == OPEN || ramp > 0) && next - now < 100000000LL ? next - now : 100000000LL;
        if (wait < 0) wait = 0;
        struct timespec t = {0, wait};
        if (spins) t.tv_nsec = 0; /* as in mock.c: a sleeping core would cost the gateway an interrupt for each answer */
        int n = epoll_pwait2(poll_fd, found, 512, &t, NULL);
        if (spins && n == 0) sched_yield();
        now = now_ns();
        for (int i = 0; i < n; i++) handle(found[i].data.ptr);
    }
    double seconds = ((mode <= OPEN ? end_ns - WARM_NS : now) - begin_ns) / 1e9;
    printf("{\"per_s\":%.1f,\"answered\":%ld,\"begun\":%ld,\"cut\":%ld,\"errors\":%ld,\"stalls\":%ld,\"seconds\":%.3f", answered / seconds, answered, begun,
           cut, errors, stalls, seconds);
    print("latency", &latency);
    print("first", &first);
    print("forward", &forward);
    printf("}\n");
    return 0;
}
