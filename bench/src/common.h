// What the mock upstream and the load generator share: time, and finding a header field.
#pragma once
#include <string.h>
#include <strings.h>
#include <time.h>

typedef long long ns_t;

static inline ns_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// Returns where the value of a field begins, or NULL. The start line is passed over.
static inline const char *field(const char *head, size_t head_length, const char *name) {
    size_t length = strlen(name);
    const char *end = head + head_length;
    for (const char *p = head; (p = memchr(p, '\n', end - p));) {
        p++;
        if ((size_t)(end - p) <= length) return NULL;
        if (strncasecmp(p, name, length) || p[length] != ':') continue;
        for (p += length + 1; *p == ' '; p++) continue;
        return p;
    }
    return NULL;
}
