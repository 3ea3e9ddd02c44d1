/* Lets one write into a hidden folder of unfinished files fail; preloaded into a process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int turn, count, code;

/* Let the n-th write from now on fail with an error; 0 for none. Returns the writes so far. */
int fail_write(int n, int error) {
    int before = count;
    turn = n, code = error, count = 0;
    return before;
}

static int fails(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    if (!strstr(path, ".partial") || ++count != turn)
        return 0;
    errno = code;
    return 1;
}

ssize_t write(int file, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    real = real ? real : dlsym(RTLD_NEXT, "write");
    return fails(file) ? -1 : real(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    real = real ? real : dlsym(RTLD_NEXT, "pwrite");
    return fails(file) ? -1 : real(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    real = real ? real : dlsym(RTLD_NEXT, "pwrite64");
    return fails(file) ? -1 : real(file, data, size, at);
}

size_t fwrite(const void *data, size_t size, size_t items, FILE *file) {
    static size_t (*real)(const void *, size_t, size_t, FILE *);
    real = real ? real : dlsym(RTLD_NEXT, "fwrite");
    return fails(fileno(file)) ? 0 : real(data, size, items, file);
}
