
/*
 * Calls a fuzz target with each file of its corpus, and a second time with the
 * file cut in half: a test of every "make test" that needs no libFuzzer.
 * Links with one t/fuzz/NAME_fuzz.c; FUZZ_CORPUS is the directory, from the
 * root of the repository.
 */

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __asan_set_death_callback(void (*callback)(void));


static char  replay_path[512];


static void
replay_died(void)
{
    static const char  text[] = "# died of ";

    (void) !write(STDOUT_FILENO, text, sizeof(text) - 1);
    (void) !write(STDOUT_FILENO, replay_path, strlen(replay_path));
    (void) !write(STDOUT_FILENO, "\n", 1);
}


static void
replay_aborted(int signal_number)
{
    replay_died();
    _exit(1);
}


static void
replay_bytes(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    /* a block of its own, so that ASan sees what is read behind it */

    copy = malloc(size ? size : 1);

    if (copy == NULL) {
        abort();
    }

    if (size) {
        memcpy(copy, data, size);
    }

    (void) LLVMFuzzerTestOneInput(copy, size);

    free(copy);
}


static int
replay_file(void)
{
    FILE     *file;
    size_t    size;

    static uint8_t  data[1024 * 1024];

    file = fopen(replay_path, "rb");

    if (file == NULL) {
        return 0;
    }

    size = fread(data, 1, sizeof(data), file);
    (void) fclose(file);

    replay_bytes(data, size);
    replay_bytes(data, size / 2);

    return 1;
}


static int
replay_visible(const struct dirent *de)
{
    return de->d_name[0] != '.';
}


int
main(void)
{
    int              i, n;
    struct dirent  **names;

    (void) setvbuf(stdout, NULL, _IOLBF, 0);
    (void) signal(SIGABRT, replay_aborted);
    __asan_set_death_callback(replay_died);

    n = scandir(FUZZ_CORPUS, &names, replay_visible, alphasort);

    if (n <= 0) {
        printf("Bail out! no corpus in %s\n", FUZZ_CORPUS);
        return 1;
    }

    for (i = 0; i < n; i++) {
        (void) snprintf(replay_path, sizeof(replay_path), "%s/%s",
                        FUZZ_CORPUS, names[i]->d_name);

        printf("%sok %d - %s\n", replay_file() ? "" : "not ", i + 1,
               replay_path);

        free(names[i]);
    }

    free(names);
    printf("1..%d\n", n);

    return 0;
}
