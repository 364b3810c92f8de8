// Reads one HTTP/1.1 answer as its bytes come. Trusts its framing: the mock and the gateways under
// measurement are right about it, or the counts at the end will show that they are not.
#pragma once
#include <stdlib.h>

#include "common.h"

enum { SIZE_LINE, DATA, DATA_END, TRAILER }; // where the reader of a chunked body stands

typedef struct Reader {
    char head[16384];
    int head_length, in_body, status;
    int chunked, until_close, close_after;
    ns_t left; // bytes of the body, or of the chunk
    int chunk_state;
    ns_t chunk_size;
    int trailer_length;
} Reader;

typedef void (*OnBody)(void *context, const char *data, size_t n);

static inline void reader_reset(Reader *r) {
    r->head_length = r->in_body = r->status = 0;
    r->chunked = r->until_close = r->close_after = 0;
    r->left = r->chunk_size = 0;
    r->chunk_state = SIZE_LINE;
}

static inline void read_fields(Reader *r, size_t n) {
    const char *value = field(r->head, n, "connection");
    r->close_after = value && !strncasecmp(value, "close", 5);
    if ((value = field(r->head, n, "content-length")))
        r->left = atoll(value);
    else if (field(r->head, n, "transfer-encoding"))
        r->chunked = 1;
    else
        r->until_close = 1;
    r->in_body = 1;
}

// Returns how many bytes belong to the head, or -1 when it does not fit.
static inline int read_head(Reader *r, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (r->head_length >= (int)sizeof r->head - 1) return -1;
        r->head[r->head_length++] = p[i];
        if (r->head_length < 4 || memcmp(r->head + r->head_length - 4, "\r\n\r\n", 4)) continue;
        size_t length = r->head_length;
        r->head[length] = 0;
        r->head_length = 0;
        r->status = atoi(r->head + 9);
        if (r->status >= 200) read_fields(r, length); // else an interim answer
        return i + 1;
    }
    return n;
}

static inline int hex(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit |= 32;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static inline const char *read_data(Reader *r, const char *p, const char *end, OnBody on_body,
                                    void *context) {
    size_t n = (ns_t)(end - p) < r->left ? (size_t)(end - p) : (size_t)r->left;
    on_body(context, p, n);
    r->left -= n;
    return p + n;
}

// Returns 1 when the body has ended, else 0.
static inline int read_chunks(Reader *r, const char *p, const char *end, OnBody on_body, void *context) {
    while (p < end) {
        switch (r->chunk_state) {
        case SIZE_LINE:
            if (*p == '\n') {
                r->left = r->chunk_size;
                r->chunk_state = r->left ? DATA : TRAILER;
                r->chunk_size = r->trailer_length = 0;
            } else if (hex(*p) >= 0) {
                r->chunk_size = r->chunk_size * 16 + hex(*p);
            }
            p++;
            break;
        case DATA:
            p = read_data(r, p, end, on_body, context);
            if (!r->left) r->chunk_state = DATA_END;
            break;
        case DATA_END:
            if (*p++ == '\n') r->chunk_state = SIZE_LINE;
            break;
        case TRAILER:
            if (*p == '\n' && !r->trailer_length) return 1;
            r->trailer_length = *p == '\n' ? 0 : r->trailer_length + (*p != '\r');
            p++;
            break;
        }
    }
    return 0;
}

// Returns 1 when the answer is complete, -1 when it cannot be read, else 0.
static inline int read_answer(Reader *r, const char *p, size_t n, OnBody on_body, void *context) {
    const char *end = p + n;
    while (!r->in_body) {
        if (p == end) return 0;
        int used = read_head(r, p, end - p);
        if (used < 0) return -1;
        p += used;
    }
    if (r->chunked) return read_chunks(r, p, end, on_body, context);
    if (r->until_close) {
        on_body(context, p, end - p);
        return 0;
    }
    read_data(r, p, end, on_body, context);
    return r->left == 0;
}
