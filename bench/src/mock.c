// Mock upstream, fast enough to measure gateways against: one thread, epoll, HTTP/1.1 keep-alive.
//
//   mock PORT        port 0 lets the system choose; the port is printed on stdout
//
// Speaks OpenAI chat completions on any path and Anthropic messages on paths that end in /messages,
// whole and streamed. The knobs travel in the request body, so that any gateway forwards them:
//   "max_tokens": N  number of streamed content events (default 64); thousands of it are milliseconds
//                    between them, for requests that are translated on their way and lose the seed
//   "seed": D        milliseconds between them (default 0); delay of a whole answer
// Each streamed content is "@<CLOCK_MONOTONIC ns>;": a reader on the same machine knows its age.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answers.h"
#include "common.h"

typedef struct Conn {
    int fd, closed, watching_write, waiting; // `waiting`: in the queue of due times, not to be freed
    char *in, *out;
    size_t in_length, in_capacity, out_length, out_capacity, out_written;
    const Language *language;
    int answering, streaming; // an answer is under way; it is a stream
    long events, sent;
    ns_t delay, due;
} Conn;

static int epoll_fd;

// connections that are due later: a binary heap, the earliest on top

static Conn **later;
static int later_count, later_capacity;

static void swap(int i, int j) {
    Conn *c = later[i];
    later[i] = later[j];
    later[j] = c;
}

static void put_later(Conn *c) {
    if (later_count == later_capacity) {
        later_capacity = later_capacity ? later_capacity * 2 : 1024;
        later = realloc(later, later_capacity * sizeof *later);
    }
    int i = later_count++;
    later[i] = c;
    c->waiting = 1;
    for (; i && later[(i - 1) / 2]->due > later[i]->due; i = (i - 1) / 2) swap(i, (i - 1) / 2);
}

static Conn *take_earliest(void) {
    Conn *first = later[0];
    later[0] = later[--later_count];
    first->waiting = 0;
    for (int i = 0;;) {
        int child = 2 * i + 1;
        if (child + 1 < later_count && later[child + 1]->due < later[child]->due) child++;
        if (child >= later_count || later[child]->due >= later[i]->due) return first;
        swap(i, child);
        i = child;
    }
}

// connections

static void drop(Conn *c) {
    if (!c->closed) close(c->fd);
    c->closed = 1;
    if (c->waiting) return; // freed when it is due
    free(c->in);
    free(c->out);
    free(c);
}

static void watch(Conn *c, int write_too) {
    if (c->watching_write == write_too) return;
    struct epoll_event e = {write_too ? EPOLLIN | EPOLLOUT : EPOLLIN, {.ptr = c}};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
    c->watching_write = write_too;
}

static void put(Conn *c, const char *p, size_t n) {
    if (c->out_length + n > c->out_capacity) {
        c->out_capacity = (c->out_length + n) * 2 + 1024;
        c->out = realloc(c->out, c->out_capacity);
    }
    memcpy(c->out + c->out_length, p, n);
    c->out_length += n;
}

// Returns -1 when the peer is gone.
static int flush(Conn *c) {
    while (c->out_written < c->out_length) {
        ssize_t n = write(c->fd, c->out + c->out_written, c->out_length - c->out_written);
        if (n < 0 && errno == EAGAIN) {
            watch(c, 1);
            return 0;
        }
        if (n <= 0) return -1;
        c->out_written += n;
    }
    c->out_length = c->out_written = 0;
    watch(c, 0);
    return 0;
}

// answers

static void put_chunk(Conn *c, const char *data, int n) {
    char size[16];
    put(c, size, sprintf(size, "%x\r\n", n));
    put(c, data, n);
    put(c, "\r\n", 2);
}

static void put_events(Conn *c, const char *const *events) {
    char data[1024];
    for (; *events; events++) put_chunk(c, data, snprintf(data, sizeof data, *events, (int)c->events));
}

static void put_next(Conn *c) { // one content event; with the last one the end
    char data[1024];
    if (c->sent < c->events) {
        if (!c->sent) put_events(c, c->language->begin);
        put_chunk(c, data, snprintf(data, sizeof data, c->language->content, now()));
        c->sent++;
    }
    if (c->sent >= c->events) {
        put_events(c, c->language->end);
        put(c, "0\r\n\r\n", 5);
        c->answering = 0;
    }
}

static void put_whole(Conn *c, const char *body) {
    char head[160];
    size_t n = strlen(body);
    put(c, head,
        sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", n));
    put(c, body, n);
    c->answering = 0;
}

static void go_on(Conn *c) { // with an answer that is due
    if (!c->streaming) {
        put_whole(c, c->language->whole);
        return;
    }
    do put_next(c);
    while (c->answering && !c->delay);
    if (c->answering) {
        c->due += c->delay;
        put_later(c);
    }
}

// requests

static const char *after_key(const char *body, size_t n, const char *key) { // where its value begins
    const char *p = memmem(body, n, key, strlen(key)), *end = body + n;
    if (!p) return NULL;
    for (p += strlen(key); p < end && (*p == ' ' || *p == ':'); p++) continue;
    return p < end ? p : NULL;
}

static long number(const char *body, size_t n, const char *key, long otherwise) {
    const char *p = after_key(body, n, key);
    return p && *p >= '0' && *p <= '9' ? strtol(p, NULL, 10) : otherwise;
}

static int wants_stream(const char *body, size_t n) {
    const char *end = body + n;
    for (const char *p = body; (p = after_key(p, end - p, "\"stream\""));)
        if (*p == 't') return 1;
    return 0;
}

static void answer(Conn *c, const char *head, size_t head_length, const char *body, size_t n) {
    static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                                      "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    const char *path = memchr(head, ' ', head_length);
    size_t path_length = path ? strcspn(++path, " ?") : 0;
    if (!path || *head == 'G') {
        put_whole(c, MODELS);
        return;
    }
    int messages = path_length >= 9 && !memcmp(path + path_length - 9, "/messages", 9);
    c->language = messages ? &MESSAGES : &CHAT;
    c->delay = number(body, n, "\"seed\"", 0) * 1000000LL;
    c->events = number(body, n, "\"max_tokens\"", number(body, n, "\"max_completion_tokens\"", 64));
    c->delay += c->events / 1000 * 1000000LL;
    c->events %= 1000;
    c->sent = 0;
    c->answering = 1;
    c->due = now();
    if ((c->streaming = wants_stream(body, n))) put(c, stream_head, sizeof stream_head - 1);
    if (c->streaming || !c->delay) {
        go_on(c);
    } else {
        c->due += c->delay;
        put_later(c);
    }
}

// Joins the chunks of a body in place. Returns the end of the raw body, or NULL when it is not all there.
static char *join_chunks(char *body, char *end, size_t *length) {
    char *raw_end = NULL;
    for (char *p = body, *line; !raw_end && (line = memmem(p, end - p, "\r\n", 2));) {
        size_t n = strtoul(p, NULL, 16);
        p = line + 2 + n + 2;
        if (p > end) return NULL;
        if (!n) raw_end = p;
    }
    if (!raw_end) return NULL;
    *length = 0;
    for (char *p = body;;) {
        char *data = (char *)memmem(p, raw_end - p, "\r\n", 2) + 2;
        size_t n = strtoul(p, NULL, 16);
        if (!n) return raw_end;
        memmove(body + *length, data, n);
        *length += n;
        p = data + n + 2;
    }
}

static void read_requests(Conn *c) {
    while (c->in_length && !c->answering) {
        char *blank = memmem(c->in, c->in_length, "\r\n\r\n", 4);
        if (!blank) return;
        size_t head_length = blank - c->in + 4, n = 0, used = head_length;
        char *body = c->in + head_length, *end = c->in + c->in_length;
        const char *value;
        if (field(c->in, head_length, "expect") && body == end) put(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        if ((value = field(c->in, head_length, "content-length"))) {
            n = strtoul(value, NULL, 10);
            used += n;
            if (c->in_length < used) return;
        } else if (field(c->in, head_length, "transfer-encoding")) {
            char *raw_end = join_chunks(body, end, &n);
            if (!raw_end) return;
            used = raw_end - c->in;
        }
        answer(c, c->in, head_length, body, n);
        memmove(c->in, c->in + used, c->in_length - used);
        c->in_length -= used;
    }
}

// the loop; each returns -1 when the peer is gone

static int readable(Conn *c) {
    for (;;) {
        if (c->in_capacity - c->in_length < 65536) {
            c->in_capacity = c->in_capacity * 2 + 65536;
            c->in = realloc(c->in, c->in_capacity);
        }
        size_t room = c->in_capacity - c->in_length;
        ssize_t n = read(c->fd, c->in + c->in_length, room);
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) return -1;
        c->in_length += n;
        if ((size_t)n < room) break;
    }
    read_requests(c);
    return c->out_length ? flush(c) : 0;
}

static void accept_all(int listener) {
    int one = 1;
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Conn *c = calloc(1, sizeof *c);
        c->fd = fd;
        struct epoll_event e = {EPOLLIN, {.ptr = c}};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static void serve_due(void) {
    for (ns_t t = now(); later_count && later[0]->due <= t;) {
        Conn *c = take_earliest();
        if (c->closed) {
            drop(c);
            continue;
        }
        go_on(c);
        if (!c->answering) read_requests(c);
        if (flush(c)) drop(c);
    }
}

static void serve(int listener) {
    struct epoll_event events[256];
    for (;;) {
        ns_t wait = later_count ? later[0]->due - now() : 0;
        if (wait < 0) wait = 0;
        struct timespec timeout = {wait / 1000000000, wait % 1000000000};
        int n = epoll_pwait2(epoll_fd, events, 256, later_count ? &timeout : NULL, NULL);
        for (int i = 0; i < n; i++) {
            Conn *c = events[i].data.ptr;
            if (!c)
                accept_all(listener);
            else if (c->closed)
                continue;
            else if (events[i].events & EPOLLOUT && flush(c))
                drop(c);
            else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && readable(c))
                drop(c);
        }
        serve_due();
    }
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (void *)&address, size) || listen(listener, 4096)) {
        perror("mock: bind");
        return 1;
    }
    getsockname(listener, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll_fd = epoll_create1(0);
    struct epoll_event e = {EPOLLIN, {.ptr = NULL}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
    serve(listener);
}
