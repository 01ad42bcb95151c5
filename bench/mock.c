/*
 * A vendor that costs next to nothing: one thread, epoll, answers that were built before the first request.
 *
 *   mock PORT DELAY_US CHUNKS GAP_US SPINS
 *
 * After work it looks SPINS times for more before it sleeps. A request with `"stream":true` in its body is answered by CHUNKS events, GAP_US
 * apart, then usage and `[DONE]`; any other by a chat completion of about 1 kB with usage. Both begin DELAY_US after the request was read. Every
 * event carries the time at which it was written (CLOCK_MONOTONIC, nanoseconds), so that whoever reads it on this machine knows how long it was
 * on its way.
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

#define MOST 16384
#define ROOM 262144

struct conn {
    char *in;
    int len, left, due_kind; /* left: chunks still to be written */
    uint32_t life;           /* grows with each use of the descriptor: an old timer does not fire for a new socket */
    int open;
};
struct due {
    int64_t at;
    int fd;
    uint32_t life;
};
/* Delays are all alike, and so are gaps: two queues stay sorted by themselves. */
struct queue {
    struct due *ring;
    unsigned head, tail;
};

static struct conn conns[MOST];
static struct queue delays, gaps;
static int64_t delay_ns, gap_ns;
static int chunks, poll_fd;
static char answer[4096];
static int answer_len;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void push(struct queue *q, int64_t at, int fd) {
    q->ring[q->tail++ & (MOST * 2 - 1)] = (struct due){at, fd, conns[fd].life};
}

static void drop(int fd) {
    close(fd);
    conns[fd].open = 0;
    conns[fd].life++;
}

/* Answers are small: a socket that cannot take one is dropped, and the generator counts the error. */
static void put(int fd, const char *data, int len) {
    if (write(fd, data, len) != len) drop(fd);
}

static int chunk(char *to, const char *data, int len) {
    int n = sprintf(to, "%x\r\n", len);
    memcpy(to + n, data, len);
    memcpy(to + n + len, "\r\n", 2);
    return n + len + 2;
}

static void next_chunk(int fd, int with_head) {
    char out[2048], event[1024];
    int n = 0, len;
    struct conn *c = &conns[fd];
    if (with_head)
        n += sprintf(out, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    len = sprintf(event,
                  "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\","
                  "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"T=%020lld word\"},\"finish_reason\":null}]}\n\n",
                  (long long)now_ns());
    n += chunk(out + n, event, len);
    if (--c->left <= 0) {
        len = sprintf(event,
                      "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\","
                      "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
                      "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\","
                      "\"choices\":[],\"usage\":{\"prompt_tokens\":220,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n"
                      "data: [DONE]\n\n",
                      chunks, 220 + chunks);
        n += chunk(out + n, event, len);
        n += sprintf(out + n, "0\r\n\r\n");
    }
    put(fd, out, n);
    if (conns[fd].open && c->left > 0) push(&gaps, now_ns() + gap_ns, fd);
}

static void respond(int fd) {
    if (conns[fd].due_kind)
        next_chunk(fd, 1);
    else
        put(fd, answer, answer_len);
}

/* One request at a time on each connection; what is complete is answered. */
static void parse(int fd) {
    struct conn *c = &conns[fd];
    c->in[c->len] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return;
    char *length = strcasestr(c->in, "content-length:");
    int body = length && length < end ? atoi(length + 15) : 0;
    int total = (int)(end + 4 - c->in) + body;
    if (c->len < total) return;
    c->due_kind = memmem(end + 4, body, "\"stream\":true", 13) != NULL || memmem(end + 4, body, "\"stream\": true", 14) != NULL;
    c->left = chunks;
    c->len = 0;
    if (delay_ns)
        push(&delays, now_ns() + delay_ns, fd);
    else
        respond(fd);
}

static void fire(struct queue *q, int64_t now, int first) {
    while (q->head != q->tail) {
        struct due *d = &q->ring[q->head & (MOST * 2 - 1)];
        if (d->at > now) return;
        q->head++;
        if (!conns[d->fd].open || conns[d->fd].life != d->life) continue;
        if (first)
            respond(d->fd);
        else
            next_chunk(d->fd, 0);
    }
}

static int64_t next_due(void) {
    int64_t at = INT64_MAX;
    if (delays.head != delays.tail) at = delays.ring[delays.head & (MOST * 2 - 1)].at;
    if (gaps.head != gaps.tail && gaps.ring[gaps.head & (MOST * 2 - 1)].at < at) at = gaps.ring[gaps.head & (MOST * 2 - 1)].at;
    return at;
}

static void take(int listener) {
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!conns[fd].in) conns[fd].in = malloc(ROOM + 1);
        conns[fd].len = 0;
        conns[fd].open = 1;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static void build_answer(void) {
    char text[800], body[2048];
    for (int i = 0; i < 720; i++) text[i] = "the quick brown fox jumps over it "[i % 34];
    text[720] = 0;
    int len = sprintf(body,
                      "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
                      "\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                      "\"usage\":{\"prompt_tokens\":220,\"completion_tokens\":160,\"total_tokens\":380}}",
                      text);
    answer_len = sprintf(answer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", len, body);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    delay_ns = atoll(argv[2]) * 1000;
    chunks = atoi(argv[3]);
    gap_ns = atoll(argv[4]) * 1000;
    delays.ring = calloc(MOST * 2, sizeof(struct due));
    gaps.ring = calloc(MOST * 2, sizeof(struct due));
    build_answer();
    int spins = 0, most_spins = atoi(argv[5]), one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) return perror("mock"), 1;
    poll_fd = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, found[512];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int64_t at = next_due(), wait = at == INT64_MAX ? 1000000000LL : at - now_ns();
        if (wait < 0 || spins) wait = 0;
        struct timespec t = {wait / 1000000000LL, wait % 1000000000LL};
        int n = epoll_pwait2(poll_fd, found, 512, &t, NULL);
        /* While requests stream in, this core is kept from falling asleep: waking it would cost the gateway's core an interrupt for each write. */
        if (n)
            spins = most_spins;
        else if (spins) {
            spins--;
            sched_yield();
        }
        for (int i = 0; i < n; i++) {
            int fd = found[i].data.fd;
            if (fd == listener) {
                take(listener);
                continue;
            }
            struct conn *c = &conns[fd];
            int got = read(fd, c->in + c->len, ROOM - c->len);
            if (got > 0) {
                c->len += got;
                parse(fd);
            } else if (got == 0 || errno != EAGAIN)
                drop(fd);
        }
        int64_t now = now_ns();
        fire(&delays, now, 1);
        fire(&gaps, now, 0);
    }
}
