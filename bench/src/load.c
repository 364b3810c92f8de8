// Load generator for HTTP/1.1 gateways: one thread, epoll, one JSON line on stdout at the end.
//
//   load MODE HOST PORT PATH BODYFILE CONNECTIONS SECONDS RATE WARMUP [Header: value]...
//
// MODE closed   each connection sends its next request as soon as the last answer ended; RATE is ignored
//      open     RATE requests/s on a fixed schedule over at most CONNECTIONS; latency counts from the
//               scheduled instant, so a stalled gateway cannot hide behind requests that were not sent
//      stream   like closed, and also the time to the first content, and for every "@<ns>;" stamp that
//               the mock upstream wrote the time from its writing to its arrival here
// Times are microseconds. What comes before WARMUP seconds is not counted.
// Not a conforming client: it reads the answers that its mock and the measured gateways give.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"
#include "reader.h"

typedef struct {
    ns_t *values;
    size_t count, capacity;
} Samples;

typedef struct Conn {
    int fd, busy, watching_write;
    size_t written; // of the request
    ns_t started, first_content;
    Reader answer;
    // a stamp, which may be cut anywhere
    int stamp_open, stamp_digits;
    ns_t stamp_value;
    long stamps;
    struct Conn *next_idle;
} Conn;

static struct {
    int stream, open, connections;
    double seconds, rate, warmup;
    struct sockaddr_in address;
    char *request;
    size_t request_length;
    long expected_stamps;
} option;

static int epoll_fd;
static Conn *conns, *idle;
static ns_t counting_from, counting_until;
static Samples latency, first_content, transit;
static struct {
    long ok, errors, bad_status, connect_errors, in_flight, wrong_streams, scheduled, no_idle_connection;
    char first_error[300];
} seen;

static void sample(Samples *s, ns_t value) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 65536;
        s->values = realloc(s->values, s->capacity * sizeof *s->values);
    }
    s->values[s->count++] = value;
}

static int by_value(const void *a, const void *b) {
    ns_t x = *(const ns_t *)a, y = *(const ns_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const Samples *s, double share) { // of sorted samples
    return s->count ? s->values[(size_t)(share * (s->count - 1))] / 1000.0 : -1;
}

static int counted(const Conn *c, ns_t at) {
    return c->started >= counting_from && at <= counting_until;
}

static void complain(const char *what, const char *detail) {
    if (!seen.first_error[0]) {
        snprintf(seen.first_error, sizeof seen.first_error, "%s%.200s", what, detail);
        for (char *p = seen.first_error; *p; p++)
            if (*p == '"' || *p == '\\' || (unsigned char)*p < 32) *p = ' ';
    }
}

// connections

static void watch(Conn *c, int write_too) {
    struct epoll_event e = {write_too ? EPOLLIN | EPOLLOUT : EPOLLIN, {.ptr = c}};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
    c->watching_write = write_too;
}

static int dial(Conn *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&option.address, sizeof option.address) && errno != EINPROGRESS) {
        seen.connect_errors++;
        close(c->fd);
        c->fd = -1;
        return -1;
    }
    struct epoll_event e = {EPOLLIN | EPOLLOUT, {.ptr = c}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
    c->watching_write = 1;
    return 0;
}

static void hang_up(Conn *c) {
    close(c->fd);
    c->fd = -1;
    c->watching_write = 0;
}

static void write_request(Conn *c) {
    while (c->written < option.request_length) {
        ssize_t n = write(c->fd, option.request + c->written, option.request_length - c->written);
        if (n <= 0) break;
        c->written += n;
    }
    int more = c->written < option.request_length;
    if (more != c->watching_write) watch(c, more);
}

static void begin(Conn *c, ns_t started) {
    c->busy = 1;
    c->written = 0;
    c->started = started;
    c->first_content = 0;
    reader_reset(&c->answer);
    c->stamp_open = 0;
    c->stamps = 0;
    seen.in_flight++;
    if (c->fd >= 0) {
        write_request(c);
    } else if (dial(c)) {
        c->busy = 0;
        seen.in_flight--;
        seen.errors++;
    }
}

static void finish(Conn *c, int whole) {
    ns_t t = now();
    seen.in_flight--;
    c->busy = 0;
    if (counted(c, t)) {
        if (!whole) {
            seen.errors++;
        } else if (c->answer.status != 200) {
            seen.bad_status++;
            complain("status ", c->answer.head + 9);
        } else {
            seen.ok++;
            sample(&latency, t - c->started);
            if (option.stream && option.expected_stamps && c->stamps != option.expected_stamps)
                seen.wrong_streams++;
        }
    }
    if (!whole || c->answer.close_after || c->answer.until_close) hang_up(c);
    if (option.open) {
        c->next_idle = idle;
        idle = c;
    } else if (t < counting_until) {
        begin(c, now());
    }
}

// answers

static void arrived(Conn *c, ns_t at) { // a whole stamp
    c->stamps++;
    if (!c->first_content) {
        c->first_content = at;
        if (counted(c, at)) sample(&first_content, at - c->started);
    }
    if (counted(c, at)) sample(&transit, at - c->stamp_value);
}

static void read_stamps(void *context, const char *p, size_t n) {
    Conn *c = context;
    const char *end = p + n;
    ns_t at = 0;
    while (option.stream && p < end) {
        if (!c->stamp_open) {
            if (!(p = memchr(p, '@', end - p))) return;
            p++;
            c->stamp_open = 1;
            c->stamp_value = c->stamp_digits = 0;
        } else if (*p >= '0' && *p <= '9') {
            c->stamp_value = c->stamp_value * 10 + (*p++ - '0');
            c->stamp_digits++;
        } else {
            if (*p == ';' && c->stamp_digits >= 10) arrived(c, at ? at : (at = now()));
            c->stamp_open = 0;
        }
    }
}

static void readable(Conn *c) {
    static char buffer[262144];
    ssize_t n = read(c->fd, buffer, sizeof buffer);
    if (n > 0) {
        int state = c->busy ? read_answer(&c->answer, buffer, n, read_stamps, c) : 0;
        if (state) finish(c, state == 1);
    } else if (n == 0 || errno != EAGAIN) {
        if (!c->busy) {
            hang_up(c);
        } else if (c->answer.in_body && c->answer.until_close) {
            finish(c, 1);
        } else {
            complain("connection ended: ", n ? strerror(errno) : "eof");
            finish(c, 0);
        }
    }
}

// the run

static void run(void) {
    struct epoll_event events[512];
    ns_t step = option.open ? (ns_t)(1e9 / option.rate) : 0, next = now();
    for (ns_t t; (t = now()) < counting_until;) {
        while (option.open && next <= t) {
            if (!idle) {
                seen.no_idle_connection++;
                break;
            }
            Conn *c = idle;
            idle = c->next_idle;
            seen.scheduled++;
            begin(c, next);
            next += step;
        }
        ns_t wait = counting_until - t;
        if (option.open && idle && next - t < wait) wait = next - t;
        if (wait < 0) wait = 0;
        struct timespec timeout = {wait / 1000000000, wait % 1000000000};
        int n = epoll_pwait2(epoll_fd, events, 512, &timeout, NULL);
        for (int i = 0; i < n; i++) {
            Conn *c = events[i].data.ptr;
            if (c->fd < 0) continue;
            if (events[i].events & EPOLLOUT && c->busy) write_request(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
        }
    }
}

static char *read_file(const char *name, long *length) {
    FILE *f = fopen(name, "rb");
    if (!f) {
        perror(name);
        exit(2);
    }
    fseek(f, 0, SEEK_END);
    *length = ftell(f);
    rewind(f);
    char *data = calloc(1, *length + 1);
    if (fread(data, 1, *length, f) != (size_t)*length) exit(2);
    fclose(f);
    return data;
}

static void make_request(char **arguments, int extra, char **extras) {
    const char *host = arguments[2], *port = arguments[3], *path = arguments[4];
    long length;
    char *body = read_file(arguments[5], &length);
    const char *limit = strstr(body, "\"max_tokens\"");
    option.expected_stamps = limit ? atol(strchr(limit, ':') + 1) % 1000 : 64;
    option.request = malloc(length + 8192);
    int n = sprintf(option.request,
                    "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nAccept: %s\r\n"
                    "User-Agent: bench/1\r\nContent-Length: %ld\r\n",
                    path, host, port, option.stream ? "text/event-stream" : "application/json", length);
    for (int i = 0; i < extra; i++) n += snprintf(option.request + n, 8192 - n, "%s\r\n", extras[i]);
    n += sprintf(option.request + n, "\r\n");
    memcpy(option.request + n, body, length);
    option.request_length = n + length;
    free(body);
}

static void report(void) {
    qsort(latency.values, latency.count, sizeof(ns_t), by_value);
    qsort(first_content.values, first_content.count, sizeof(ns_t), by_value);
    qsort(transit.values, transit.count, sizeof(ns_t), by_value);
    printf(
        "{\"ok\":%ld,\"rps\":%.1f,\"errors\":%ld,\"bad_status\":%ld,\"conn_errors\":%ld,\"inflight_end\":%ld,"
        "\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"scheduled\":%ld,"
        "\"no_idle_conn\":%ld,\"wrong_streams\":%ld,\"ttft_p50\":%.1f,\"ttft_p99\":%.1f,\"chunks\":%zu,"
        "\"chunk_p50\":%.1f,\"chunk_p99\":%.1f,\"first_error\":\"%s\"}\n",
        seen.ok, seen.ok / option.seconds, seen.errors, seen.bad_status, seen.connect_errors, seen.in_flight,
        percentile(&latency, .5), percentile(&latency, .9), percentile(&latency, .99),
        percentile(&latency, .999), percentile(&latency, 1), seen.scheduled, seen.no_idle_connection,
        seen.wrong_streams, percentile(&first_content, .5), percentile(&first_content, .99), transit.count,
        percentile(&transit, .5), percentile(&transit, .99), seen.first_error);
}

int main(int argc, char **argv) {
    if (argc < 10) {
        fprintf(
            stderr,
            "usage: load MODE HOST PORT PATH BODYFILE CONNECTIONS SECONDS RATE WARMUP [Header: value]...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    option.stream = !strcmp(argv[1], "stream");
    option.open = !strcmp(argv[1], "open");
    option.address.sin_family = AF_INET;
    option.address.sin_port = htons(atoi(argv[3]));
    inet_pton(AF_INET, argv[2], &option.address.sin_addr);
    option.connections = atoi(argv[6]);
    option.seconds = atof(argv[7]);
    option.rate = atof(argv[8]);
    option.warmup = atof(argv[9]);
    make_request(argv, argc - 10, argv + 10);
    epoll_fd = epoll_create1(0);
    counting_from = now() + (ns_t)(option.warmup * 1e9);
    counting_until = counting_from + (ns_t)(option.seconds * 1e9);
    conns = calloc(option.connections, sizeof *conns);
    for (int i = option.connections - 1; i >= 0; i--) {
        conns[i].fd = -1;
        conns[i].next_idle = idle;
        idle = &conns[i];
    }
    if (!option.open)
        for (int i = 0; i < option.connections; i++) begin(&conns[i], now());
    run();
    report();
    return 0;
}
