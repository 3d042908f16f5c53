/* Runs a fuzz target over every file of the folders or files that are named, without a fuzzer: what was found
 * once stays fixed. Prints how many were run; fails when there was none. */
#include <dirent.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (4L << 20)

/* A copy of exactly the file's size, so that a read past its end is seen by AddressSanitizer. */
static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return -1;
    }
    char *data = malloc(INPUT_MAX);
    size_t n = data != NULL ? fread(data, 1, INPUT_MAX, f) : 0;
    bool bad = data == NULL || ferror(f) != 0;
    fclose(f);
    uint8_t *exact = bad ? NULL : malloc(n > 0 ? n : 1);
    if (exact != NULL) {
        memcpy(exact, data, n);
        LLVMFuzzerTestOneInput(exact, n);
    }
    bad = exact == NULL;
    free(exact);
    free(data);
    return bad ? -1 : 1;
}

static int replay(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        return -1;
    }
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL && count >= 0; entry = readdir(dir)) {
        char file[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        int n = replay_file(file);
        count = n < 0 ? n : count + n;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv) {
    int count = 0;
    for (int i = 1; i < argc; i++) {
        int n = replay(argv[i]);
        if (n < 0)
            return EXIT_FAILURE;
        count += n;
    }
    printf("%s: %d inputs\n", argv[0], count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
