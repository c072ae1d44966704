
/*
 * Calls a fuzz target with mutated files, the same ones for the same seed, and
 * says how long the slowest took; links with t/fuzz/zoneinfo_fuzz.c or
 * ics_fuzz.c.  Exit code 1 if one took longer than allowed.
 *
 *     mutate COUNT SEED MILLISECONDS FILE...
 *
 * What a mutation is: bits flipped, bytes set to values that matter, runs
 * removed, repeated or taken from another file, numbers counted up.  The last
 * input is kept in mutate.last when the target crashes.
 */

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define MUTATE_MAX  65536


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct {
    uint8_t   *p;
    size_t     len;
} mutate_file_t;


static uint64_t  mutate_state;
static uint8_t   mutate_bytes[MUTATE_MAX];
static size_t    mutate_len;


static uint32_t
mutate_random(uint32_t n)
{
    /* splitmix64 */

    uint64_t  z;

    z = (mutate_state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;

    return (uint32_t) ((z ^ (z >> 31)) >> 16) % (n ? n : 1);
}


static mutate_file_t
mutate_read(const char *name)
{
    FILE           *file;
    mutate_file_t   read;

    file = fopen(name, "rb");
    read.p = malloc(MUTATE_MAX);

    if (file == NULL || read.p == NULL) {
        fprintf(stderr, "cannot read %s\n", name);
        exit(2);
    }

    read.len = fread(read.p, 1, MUTATE_MAX / 2, file);
    fclose(file);

    return read;
}


/* makes room for, or removes, a run of bytes */

static void
mutate_resize(size_t at, size_t old, size_t new)
{
    if (mutate_len - old + new > MUTATE_MAX) {
        return;
    }

    memmove(mutate_bytes + at + new, mutate_bytes + at + old,
            mutate_len - at - old);
    mutate_len = mutate_len - old + new;
}


static void
mutate_once(const mutate_file_t *other)
{
    size_t                at, run;
    static const uint8_t  bytes[] = "\0\1\177\200\377\n\r :;,=-+09TZDPW\"X";

    at = mutate_random(mutate_len);
    run = mutate_random(32) + 1;
    run = (run > mutate_len - at) ? mutate_len - at : run;

    switch (mutate_random(mutate_len ? 8 : 1)) {

    case 0:
        at = mutate_random(other->len);
        run = mutate_random(other->len - at);

        if (mutate_len + run <= MUTATE_MAX) {
            memcpy(mutate_bytes + mutate_len, other->p + at, run);
            mutate_len += run;
        }

        break;

    case 1:
        mutate_bytes[at] ^= 1 << mutate_random(8);
        break;

    case 2:
    case 3:
        mutate_bytes[at] = bytes[mutate_random(sizeof(bytes) - 1)];
        break;

    case 4:
        mutate_resize(at, run, 0);
        break;

    case 5:
        mutate_resize(at, 0, run);
        break;

    case 6:
        /* a digit, or a number's byte, up or down */
        mutate_bytes[at] += mutate_random(2) ? 1 : -1;
        break;

    default:
        /* the same place of another file */
        if (at + run <= other->len) {
            memcpy(mutate_bytes + at, other->p + at, run);
        }
    }
}


static double
mutate_call(void)
{
    uint8_t          *copy;
    struct timespec   begin, end;

    /* a block of its own, so that ASan sees what is read behind it */

    copy = malloc(mutate_len ? mutate_len : 1);
    memcpy(copy, mutate_bytes, mutate_len);

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    (void) LLVMFuzzerTestOneInput(copy, mutate_len);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);

    free(copy);

    return (end.tv_sec - begin.tv_sec) * 1e3
           + (end.tv_nsec - begin.tv_nsec) / 1e6;
}


static void
mutate_crashed(int signal_number)
{
    FILE               *file;
    static const char   message[] = "stopped: see mutate.last\n";

    (void) !write(STDERR_FILENO, message, sizeof(message) - 1);

    file = fopen("mutate.last", "wb");

    if (file) {
        fwrite(mutate_bytes, 1, mutate_len, file);
        fclose(file);
    }

    _exit(1);
}


int
main(int argc, char **argv)
{
    int             i, files;
    long            n, count;
    double          took, slowest, allowed;
    uint32_t        times;
    mutate_file_t  *file;

    if (argc < 5) {
        fprintf(stderr, "usage: mutate COUNT SEED MILLISECONDS FILE...\n");
        return 2;
    }

    count = atol(argv[1]);
    mutate_state = strtoull(argv[2], NULL, 10);
    allowed = atof(argv[3]);
    files = argc - 4;

    file = calloc(files, sizeof(mutate_file_t));

    for (i = 0; i < files; i++) {
        file[i] = mutate_read(argv[4 + i]);
    }

    signal(SIGABRT, mutate_crashed);
    slowest = 0;

    for (n = 0; n < count; n++) {
        i = mutate_random(files);
        memcpy(mutate_bytes, file[i].p, file[i].len);
        mutate_len = file[i].len;

        for (times = mutate_random(6) + 1; times; times--) {
            mutate_once(&file[mutate_random(files)]);
        }

        took = mutate_call();
        slowest = (took > slowest) ? took : slowest;
    }

    for (i = 0; i < files; i++) {
        free(file[i].p);
    }

    free(file);

    printf("%ld inputs, the slowest took %.1f ms\n", count, slowest);

    return slowest > allowed ? 1 : 0;
}
